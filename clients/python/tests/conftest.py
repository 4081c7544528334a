"""The server that most tests share."""

from collections.abc import Iterator

import pytest

from bedside_client import Client
from server import REPOSITORY, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The real server with its real models, and a repository of tensor models to load from."""
    running = Server(*REPOSITORY)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def narrow() -> Iterator[Server]:
    """A real server that runs one request at a time, and lets one wait."""
    running = Server("--embedding-model", "", "--slots", "1", "--max-queue-size", "1")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def plain() -> Iterator[Server]:
    """A real server without models, which is enough for records and signals."""
    running = Server("--model", "", "--embedding-model", "", "--shipped-models", "none")
    yield running
    running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the real server."""
    with Client(server.address) as made:
        yield made
