"""What is tried again, and what is not."""

import asyncio
import signal
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import grpc
import pytest
from google.rpc import error_details_pb2

from bedside_client import (
    AsyncClient,
    BedsideError,
    Client,
    DeadlineExceededError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)
from scripted import abort, failing, queue_full, serve
from server import REPOSITORY, Server


async def sync_generate(address, **options):
    with Client(address) as client:
        return client.generate("x", **options).text


async def sync_stream(address, **options):
    with Client(address) as client:
        return "".join(p.text for p in client.stream("x", **options))


async def async_generate(address, **options):
    async with AsyncClient(address) as client:
        return (await client.generate("x", **options)).text


async def async_stream(address, **options):
    async with AsyncClient(address) as client:
        return "".join([p.text async for p in client.stream("x", **options)])


CALLS = pytest.mark.parametrize("call", [sync_generate, sync_stream, async_generate, async_stream])


@CALLS
@pytest.mark.parametrize(("fail", "failures", "attempts", "code"), [
    (lambda c: queue_full(c, 0.01), 2, 3, None),
    (lambda c: queue_full(c, 0.01), 9, 4, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (lambda c: queue_full(c, 3600), 9, 1, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (lambda c: abort(c, grpc.StatusCode.RESOURCE_EXHAUSTED), 9, 1, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (lambda c: abort(c, grpc.StatusCode.UNAVAILABLE), 1, 2, None),
    (lambda c: abort(c, grpc.StatusCode.INVALID_ARGUMENT), 9, 1, grpc.StatusCode.INVALID_ARGUMENT),
    (lambda c: abort(c, grpc.StatusCode.INTERNAL), 9, 1, grpc.StatusCode.INTERNAL),
    (lambda c: abort(c, grpc.StatusCode.ABORTED), 9, 1, grpc.StatusCode.ABORTED),
], ids=["full twice", "full for good", "full beyond the deadline", "exhausted without a hint", "unavailable once", "bad",
        "internal", "aborted"])
async def test_attempts(call, fail, failures, attempts, code):
    with serve(failing(failures, fail)) as (address, service):
        if code is None:
            assert await call(address) == "after x"
        else:
            with pytest.raises(BedsideError) as caught:
                await call(address)
            assert caught.value.code is code
        assert service.attempts == attempts
        assert len({m["x-request-id"] for m in service.metadata}) == 1, "a call has one id through all its attempts"


@CALLS
async def test_what_a_full_queue_says(call):
    with serve(failing(1, lambda c: queue_full(c, 3600))) as (address, _), pytest.raises(ResourceExhaustedError) as caught:
        await call(address)
    assert (caught.value.retry_after, caught.value.reason, caught.value.violations) == (3600.0, "QUEUE_FULL", ())


@CALLS
@pytest.mark.parametrize("details", [b"\xff\xff", b""], ids=["broken", "empty"])
async def test_details_that_cannot_be_read_count_as_none(call, details):
    def script(attempt, request, context):
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too large")

    with serve(script) as (address, service):
        with pytest.raises(ResourceExhaustedError) as caught:
            await call(address)
        assert (caught.value.message, caught.value.retry_after, service.attempts) == ("too large", None, 1)


def test_violations_of_other_details():
    def fail(context):
        abort(context, grpc.StatusCode.FAILED_PRECONDITION, error_details_pb2.BadRequest(field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field="a.b[1]", description="must be so")]))

    with serve(failing(1, fail)) as (address, _), Client(address) as client, pytest.raises(BedsideError) as caught:
        client.generate("x")
    assert [(v.field, v.description) for v in caught.value.violations] == [("a.b[1]", "must be so")]


def test_metadata_that_is_sent():
    with (serve(failing(0, queue_full)) as (address, service),
          Client(address, tenant="ward-3", user_agent="rounds/2") as client):
        client.generate("x", request_id="r-1", metadata={"authorization": "Bearer t"})
        client.generate("x")
    first, second = service.metadata
    assert (first["x-request-id"], first["authorization"], first["bedside-tenant"]) == ("r-1", "Bearer t", "ward-3")
    assert first["user-agent"].startswith("rounds/2 bedside-python/")
    assert second["x-request-id"] not in ("", "r-1")


def test_the_caller_that_is_sent(tmp_path):
    token = tmp_path / "token"
    token.write_text("one\n")
    with (serve(failing(0, queue_full)) as (address, service),
          Client(address, token_file=token, purpose="TREAT") as client):
        client.generate("x")
        token.write_text("renewed")
        client.generate("x")
        client.generate("x", metadata={"authorization": "Bearer own"})
        token.write_text("two words")
        with pytest.raises(ValueError, match="one token and nothing else") as caught:
            client.generate("x")
    assert "two words" not in str(caught.value)
    assert [m["authorization"] for m in service.metadata] == ["Bearer one", "Bearer renewed", "Bearer own"]
    assert service.metadata[0]["x-purpose-of-use"] == "TREAT"


@pytest.mark.parametrize(("code", "error"), [
    (grpc.StatusCode.UNAUTHENTICATED, UnauthenticatedError), (grpc.StatusCode.PERMISSION_DENIED, PermissionDeniedError),
])
def test_callers_that_are_refused(code, error):
    with serve(failing(1, lambda c: abort(c, code))) as (address, _), Client(address) as client, pytest.raises(error):
        client.generate("x")


def test_large_requests_are_retried():
    prompt = "x" * (3 << 20)
    with serve(failing(1, lambda c: abort(c, grpc.StatusCode.UNAVAILABLE))) as (address, service):
        with Client(address) as client:
            assert len(client.generate(prompt).text) == len("after ") + len(prompt)
        assert service.attempts == 2


def test_a_service_that_is_not_there():
    with serve(failing(0, queue_full)) as (address, _), Client(address) as client, pytest.raises(UnimplementedError):
        client.list_models()


def test_a_closed_client_stops_waiting():
    refused = threading.Event()

    def fail(context):
        refused.set()
        queue_full(context, 100)

    with serve(failing(9, fail)) as (address, service):
        client = Client(address)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.generate, "x")
            assert refused.wait(60)
            client.close()
            assert isinstance(waiting.exception(60), BedsideError)
        assert service.attempts == 1


async def test_a_closed_asyncio_client_stops_waiting():
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fail(context):
        loop.call_soon_threadsafe(refused.set)
        queue_full(context, 100)

    with serve(failing(9, fail)) as (address, service):
        client = AsyncClient(address)
        whole = asyncio.create_task(client.generate("x"))
        piecewise = asyncio.create_task(anext(client.stream("x")))
        await refused.wait()
        await client.close()
        errors = await asyncio.wait_for(asyncio.gather(whole, piecewise, return_exceptions=True), 60)
        assert all(isinstance(e, BedsideError) for e in errors)
        assert service.attempts <= 2


def test_a_full_queue_of_the_real_server(narrow):
    with Client(narrow.address) as client, client.stream("Once upon a time", max_tokens=2000) as running:
        next(running)
        with ThreadPoolExecutor(3) as pool:  # one waits, the others are refused
            calls = [pool.submit(client.generate, "Hello", max_tokens=1, timeout=5) for _ in range(3)]
            refused = wait(calls, return_when=FIRST_EXCEPTION).done.pop().exception()
            running.close()
    assert isinstance(refused, ResourceExhaustedError)
    assert refused.reason == "QUEUE_FULL"
    assert refused.retry_after is not None and refused.retry_after > 0


def test_calls_wait_for_a_server_and_outlive_its_restart():
    flags = (*REPOSITORY, "--model", "", "--embedding-model", "")
    server = Server(*flags)
    with Client(server.address) as client, Client(server.address, wait_for_ready=False) as hasty:
        changes = client.watch_models(["simple"])
        assert next(changes).reference.name == "simple"
        assert hasty.list_models()
        server.stop(signal.SIGKILL)
        with pytest.raises(UnavailableError):
            next(changes)
        with pytest.raises(UnavailableError):
            hasty.list_models()
        assert not client.health()
        with pytest.raises(DeadlineExceededError):
            client.list_models(timeout=0.3)
        with ThreadPoolExecutor(3) as pool:
            waiting = [pool.submit(client.list_models), pool.submit(client.load_model, "simple"),
                       pool.submit(lambda: [next(client.watch_models(["simple"]))])]
            server = Server(*flags, listen=server.address)
            try:
                assert all(call.result(60) for call in waiting)
                assert client.health()
            finally:
                server.stop()
