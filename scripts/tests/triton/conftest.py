"""Triton's own Python client, unchanged, against the real server: each test runs with its blocking and asyncio clients."""

from __future__ import annotations

import asyncio
import inspect
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tritonclient.grpc as blocking
import tritonclient.grpc.aio as aio
from tritonclient.utils import InferenceServerException

from server import ROOT, Server

MODELS = ROOT / "testdata" / "models"
LANGUAGE_MODEL = "smollm2-135m-instruct"


class Blocking:
    """The asyncio client with calls that wait, so that one test serves both clients."""

    def __init__(self, address: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.client = self.run(self.make(address))

    async def make(self, address: str) -> aio.InferenceServerClient:
        return aio.InferenceServerClient(address)

    def run(self, call):
        return self.loop.run_until_complete(call)

    def __getattr__(self, name: str):
        method = getattr(self.client, name)
        assert inspect.iscoroutinefunction(method), name
        return lambda *args, **kwargs: self.run(method(*args, **kwargs))

    def close(self) -> None:
        self.run(self.client.close())
        self.loop.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Every test model and the default language model, loaded at the start."""
    running = Server("--model-repository", str(MODELS), "--embedding-model", "")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> Path:
    """A copy of some test models, which tests may change."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("simple", "versions", "identity_fp32", "broken"):
        shutil.copytree(MODELS / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def explicit(repository: Path) -> Iterator[Server]:
    """A server that loads and unloads models when it is told to."""
    running = Server("--model-repository", str(repository), "--model-control-mode", "explicit", "--model", "",
                     "--embedding-model", "")
    yield running
    running.stop()


def clients(address: str, kind: str) -> Iterator:
    made = blocking.InferenceServerClient(address) if kind == "blocking" else Blocking(address)
    yield made
    made.close()


@pytest.fixture(params=["blocking", "asyncio"])
def client(request, server: Server) -> Iterator:
    """Either client; what is said of one holds for the other."""
    yield from clients(server.address, request.param)


@pytest.fixture(params=["blocking", "asyncio"])
def controller(request, explicit: Server) -> Iterator:
    """Either client, of the server that loads on request."""
    yield from clients(explicit.address, request.param)


@pytest.fixture
def stream(server: Server) -> Iterator[blocking.InferenceServerClient]:
    """The blocking client alone: its streams are made otherwise than those of the asyncio client."""
    with blocking.InferenceServerClient(server.address) as made:
        yield made


@pytest.fixture
def refused() -> Callable[..., None]:
    """refused(code, text, call, ...): the call fails with the gRPC code, and its message holds the text."""
    def check(code: str, text: str, call: Callable, *args, **kwargs) -> None:
        with pytest.raises(InferenceServerException) as caught:
            call(*args, **kwargs)
        assert caught.value.status() == f"StatusCode.{code}", caught.value
        assert text in caught.value.message()
    return check
