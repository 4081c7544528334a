"""The client for asyncio, against the real server."""

import asyncio

import pytest
import pytest_asyncio

from bedside_client import (
    AsyncClient,
    CallCancelledError,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    user,
    v1,
)

PROMPT = "The patient was admitted with"
ENDLESS = {"prompt": "Once upon a time", "max_tokens": 2000}


@pytest_asyncio.fixture
async def client(server):
    async with AsyncClient(server.address) as made:
        yield made


async def test_every_call(client):
    whole = await client.generate(PROMPT, max_tokens=12)
    assert whole.usage.completion_tokens == 12
    pieces = [p async for p in client.stream(PROMPT, max_tokens=12)]
    assert "".join(p.text for p in pieces) == whole.text
    assert pieces[-1].finish_reason == v1.FinishReason.FINISH_REASON_LENGTH
    normal, banana = (await client.score("The heart rate is", [" normal.", " banana."])).scores
    assert normal.total_logprob > banana.total_logprob
    assert any(t.special for t in (await client.tokenize([user("Hello")])).tokens)
    assert {"smollm2-135m-instruct"} <= {m.reference.name for m in await client.list_models()}
    assert await client.health()
    assert await client.health("bedside.v1.ClinicalService")
    with pytest.raises(NotFoundError):
        await client.health("none")


async def test_bad_input_names_its_fields(client):
    with pytest.raises(InvalidArgumentError) as caught:
        await client.generate("Hello", top_p=3.0, request_id="by-caller")
    assert [v.field for v in caught.value.violations] == ["sampling.top_p"]
    assert caught.value.request_id == "by-caller"
    with pytest.raises(InvalidArgumentError) as caught:
        async for _ in client.stream(""):
            pass
    assert [v.field for v in caught.value.violations] == ["prompt"]
    with pytest.raises(InvalidArgumentError) as caught:
        await client.summarize({"resourceType": "Bundle", "type": "collection", "entry": 3})
    assert [v.field for v in caught.value.violations] == ["Bundle.entry"]


async def test_deadlines(client):
    with pytest.raises(DeadlineExceededError):
        await client.generate(**ENDLESS, timeout=0.2)
    with pytest.raises(DeadlineExceededError):
        async for _ in client.stream(**ENDLESS, timeout=0.2):
            pass
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.generate(**ENDLESS)


# The server called `narrow` has one place: who gets an answer in time shows that the call before has left it.
@pytest.mark.parametrize("leave", ["with", "close", "drop", "cancel", "cancel whole"])
async def test_leaving_a_call_ends_it_on_the_server(narrow, leave):
    async with AsyncClient(narrow.address) as client:
        if leave == "with":
            async with client.stream(**ENDLESS) as stream:
                await anext(stream)
            assert [p async for p in stream] == []
        elif leave == "close":
            stream = client.stream(**ENDLESS)
            await anext(stream)
            stream.close()
            assert [p async for p in stream] == []
        elif leave == "drop":
            async for _ in client.stream(**ENDLESS):
                break
        elif leave == "cancel":
            stream = client.stream(**ENDLESS)
            await anext(stream)

            async def read():
                async for _ in stream:
                    pass

            await cancelled(read())
        else:
            first = client.stream(**ENDLESS)
            await anext(first)  # it holds the place: the next one waits for it
            first.close()
            await cancelled(client.generate(**ENDLESS))
        answer = await client.generate("Hello", max_tokens=1, timeout=10)
        assert answer.usage.completion_tokens == 1


async def cancelled(work):
    task = asyncio.create_task(work)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closing_wakes_who_waits(server):
    client = AsyncClient(server.address)
    stream = client.stream(**ENDLESS)
    await anext(stream)

    async def read():
        async for _ in stream:
            pass

    reading = asyncio.create_task(read())
    whole = asyncio.create_task(client.generate(**ENDLESS))
    await anext(client.stream("Hello", max_tokens=1))  # both have begun by then
    stream.close()
    error = (await asyncio.gather(reading, return_exceptions=True))[0]
    # It was waiting, or it was between two answers and found the stream closed.
    assert error is None or isinstance(error, CallCancelledError)
    await client.close()
    with pytest.raises(CallCancelledError):
        await whole
    with pytest.raises(RuntimeError, match="the client is closed"):
        await client.generate("Hello")


async def test_concurrency(client):
    alone = (await client.generate(PROMPT, max_tokens=6)).text
    together = await asyncio.gather(*(client.generate(PROMPT, max_tokens=6) for _ in range(16)))
    assert [r.text for r in together] == [alone] * 16


def test_it_wants_a_running_loop():
    with pytest.raises(RuntimeError, match="no running event loop"):
        AsyncClient("127.0.0.1:1")
