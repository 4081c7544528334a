"""A server that answers as each test says, for what the real one cannot be told to do."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from bedside_client import v1
from bedside_client.v1.generation_pb2_grpc import GenerationServiceServicer, add_GenerationServiceServicer_to_server
from bedside_client.v1.preparation_pb2_grpc import PreparationServiceServicer, add_PreparationServiceServicer_to_server

Script = Callable[[int, v1.GenerateRequest, grpc.ServicerContext], str]


class Scripted(GenerationServiceServicer):
    """Runs `script` with each attempt's number, from 1; it returns the text or aborts."""

    def __init__(self, script: Script) -> None:
        self._script, self._lock = script, threading.Lock()
        self.attempts = 0
        self.metadata: list[dict[str, Any]] = []

    def _next(self, context: grpc.ServicerContext) -> int:
        with self._lock:
            self.attempts += 1
            self.metadata.append({m.key: m.value for m in context.invocation_metadata()})
            return self.attempts

    def Generate(self, request, context):
        return v1.GenerateResponse(text=self._script(self._next(context), request, context))

    def StreamGenerate(self, request, context):
        yield v1.StreamGenerateResponse(text=self._script(self._next(context), request, context))


class Unavailable(PreparationServiceServicer):
    """Is unavailable so many times, then answers."""

    def __init__(self, failures: int) -> None:
        self._failures = failures
        self.attempts = 0
        self.deadlines: list[bool] = []

    def _count(self, context: grpc.ServicerContext) -> None:
        self.attempts += 1
        self.deadlines.append(0 < context.time_remaining() < 1e6)
        if self.attempts <= self._failures:
            abort(context, grpc.StatusCode.UNAVAILABLE)

    def PrepareRecords(self, request_iterator, context):
        self._count(context)
        yield from (v1.PrepareRecordsResponse() for _ in request_iterator)

    def DescribeSignal(self, request, context):
        self._count(context)
        return v1.DescribeSignalResponse(language=request.language)


@contextlib.contextmanager
def serve(script: Script) -> Iterator[tuple[str, Scripted]]:
    """The address of a server that answers by `script`, and its count of attempts."""
    service = Scripted(script)
    with _running(lambda server: add_GenerationServiceServicer_to_server(service, server)) as address:
        yield address, service


@contextlib.contextmanager
def serve_preparation(failures: int) -> Iterator[tuple[str, Unavailable]]:
    """The address of a server that is unavailable so many times, and its count of attempts."""
    service = Unavailable(failures)
    with _running(lambda server: add_PreparationServiceServicer_to_server(service, server)) as address:
        yield address, service


@contextlib.contextmanager
def _running(register: Callable[[grpc.Server], None]) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4))
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def abort(context: grpc.ServicerContext, code: grpc.StatusCode, *details: Message) -> NoReturn:
    """End the call with a status that carries details."""
    status = status_pb2.Status(code=code.value[0], message="as scripted")
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, "as scripted")
    raise AssertionError("abort raises")


def queue_full(context: grpc.ServicerContext, seconds: float) -> NoReturn:
    """Refuse a call as Bedside does when its queue is full."""
    delay = Duration()
    delay.FromNanoseconds(int(seconds * 1e9))
    abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, error_details_pb2.ErrorInfo(domain="bedside", reason="QUEUE_FULL"),
          error_details_pb2.RetryInfo(retry_delay=delay))


def failing(times: int, fail: Callable[[grpc.ServicerContext], NoReturn]) -> Script:
    """Fails so many times, then answers."""

    def script(attempt: int, request: v1.GenerateRequest, context: grpc.ServicerContext) -> str:
        if attempt <= times:
            fail(context)
        return "after " + request.prompt

    return script
