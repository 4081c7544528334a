"""Embeddings, and models that come and go, with both clients."""

import asyncio
import math

import pytest

from bedside_client import AsyncClient, Client, FailedPreconditionError, InvalidArgumentError, NotFoundError, v1
from server import REPOSITORY, Server

READY, UNAVAILABLE = v1.ModelState.MODEL_STATE_READY, v1.ModelState.MODEL_STATE_UNAVAILABLE
QUERY = "low oxygen saturation"
PASSAGES = ["体温正常。", "血氧饱和度下降至 88%。", "The patient slept well."]


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a.values, b.values, strict=True))


def check_search(query, passages):
    (wanted,) = query.embeddings
    assert query.dimensions == len(wanted.values) == 384
    assert query.model.name == "multilingual-e5-small"
    assert wanted.tokens > 3 and not wanted.truncated
    assert dot(wanted, wanted) == pytest.approx(1, abs=1e-4)
    nearness = [dot(wanted, p) for p in passages.embeddings]
    assert nearness.index(max(nearness)) == 1


def test_embed(server):
    with Client(server.address) as client:
        check_search(client.embed([QUERY], "query"), client.embed(iter(PASSAGES), "passage"))
        assert client.health("bedside.v1.EmbeddingService")
        with pytest.raises(InvalidArgumentError) as caught:
            client.embed(["well", ""], "query")
        assert [v.field for v in caught.value.violations] == ["texts[1]"]
        long = "heart rate " * 600
        with pytest.raises(InvalidArgumentError) as caught:
            client.embed(["well", long], "passage")
        assert [v.field for v in caught.value.violations] == ["texts[1]"]
        whole, cut = client.embed(["well", long], "passage", truncate=True).embeddings
        assert (whole.truncated, cut.truncated, cut.tokens) == (False, True, 512)


async def test_embed_asyncio(server):
    async with AsyncClient(server.address) as client:
        check_search(*await asyncio.gather(client.embed([QUERY], "query"), client.embed(PASSAGES, "passage")))
        with pytest.raises(InvalidArgumentError) as caught:
            await client.embed([], "query")
        assert [v.field for v in caught.value.violations] == ["texts"]


def state(models, name):
    return {m.reference.name: m.state for m in models}[name]


def test_load_watch_and_unload(server):
    with Client(server.address) as client, client.watch_models(["simple"]) as changes:
        assert next(changes).state == UNAVAILABLE
        (loaded,) = client.load_model("simple")
        assert (loaded.reference.name, loaded.kind, loaded.state) == ("simple", "tensors", READY)
        while (model := next(changes)).state != READY:
            assert model.reference.name == "simple"
        assert state(client.list_models(), "simple") == READY
        client.unload_model("simple")
        while next(changes).state != UNAVAILABLE:
            pass
        assert state(client.list_models(), "simple") == UNAVAILABLE


async def test_load_watch_and_unload_asyncio(server):
    async with AsyncClient(server.address) as client, client.watch_models(["linear"]) as changes:
        assert (await anext(changes)).state == UNAVAILABLE
        loading = asyncio.create_task(client.load_model("linear"))
        while (await anext(changes)).state != READY:
            pass
        assert [m.reference.name for m in await loading] == ["linear"]
        unloading = asyncio.create_task(client.unload_model("linear"))
        while (await anext(changes)).state != UNAVAILABLE:
            pass
        await unloading


def test_watch_tells_of_all_models(server):
    with Client(server.address) as client:
        known = {(m.reference.name, m.reference.version) for m in client.list_models()}
        with client.watch_models() as changes:
            told = {(m.reference.name, m.reference.version) for _, m in zip(known, changes, strict=False)}
    assert told == known


def test_models_that_cannot_be_loaded(server):
    with Client(server.address) as client:
        with pytest.raises(NotFoundError) as missing:
            client.load_model("none")
        assert missing.value.reason == "MODEL_NOT_FOUND"
        with pytest.raises(FailedPreconditionError) as broken:
            client.load_model("broken")
        assert broken.value.reason == "MODEL_LOAD_FAILED"
        assert next(m for m in client.list_models() if m.reference.name == "broken").state_reason
        with pytest.raises(InvalidArgumentError) as bad:
            client.load_model("")
        assert [v.field for v in bad.value.violations] == ["name"]


def test_loading_has_to_be_allowed(narrow):
    with Client(narrow.address) as client, pytest.raises(FailedPreconditionError):
        client.load_model("simple")


def test_a_watch_ends_with_its_server():
    server = Server(*REPOSITORY, "--model", "", "--embedding-model", "", "--load", "simple")
    with Client(server.address) as client, client.watch_models(["simple"]) as changes:
        try:
            assert next(changes).state == READY
        finally:
            server.stop()
        assert all(m.reference.name == "simple" for m in changes)
