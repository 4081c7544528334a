"""The client that waits, against the real server."""

import gc
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from bedside_client import (
    CallCancelledError,
    Client,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    assistant,
    system,
    user,
    v1,
)
from bedside_client.v1.generation_pb2_grpc import GenerationServiceStub

PROMPT = "The patient was admitted with"


def test_a_text_has_the_form_that_was_asked_for(client):
    assert client.generate(PROMPT, choices=["fever", "chest pain"]).text in ("fever", "chest pain")
    properties = {"hr": {"type": "integer", "minimum": 30}}
    schema = {"type": "object", "additionalProperties": False, "required": ["hr"], "properties": properties}
    answer = client.generate(PROMPT, json_schema=schema)
    assert answer.constraint_met and json.loads(answer.text)["hr"] >= 30
    cut = client.generate(PROMPT, regex="a{50}b", max_tokens=2)
    assert cut.HasField("constraint_met") and not cut.constraint_met
    with pytest.raises(InvalidArgumentError) as caught:
        client.generate(PROMPT, json_schema={"not": {}})
    assert [v.field for v in caught.value.violations] == ["constraint.json_schema"]


def test_generate_and_stream_give_the_same_text(client):
    whole = client.generate(PROMPT, max_tokens=12)
    assert whole.text.strip()
    assert whole.usage.completion_tokens == 12
    assert whole.finish_reason == v1.FinishReason.FINISH_REASON_LENGTH
    assert whole.model.digest.startswith("sha256:")
    pieces = list(client.stream(PROMPT, max_tokens=12))
    assert len(pieces) > 1
    assert "".join(p.text for p in pieces) == whole.text
    assert [p.HasField("usage") for p in pieces] == [False] * (len(pieces) - 1) + [True]
    assert pieces[-1].usage.completion_tokens == 12


def test_chat_and_sampling(client):
    chat = [system("Answer in one word."), user("Name a colour."), assistant("Red"), user("Another one.")]
    options = {"max_tokens": 8, "temperature": 1.0, "seed": 7, "top_k": 20, "top_p": 0.9, "stop": ["\n\n"], "logprobs": 2}
    first, second = (client.generate(chat, **options) for _ in range(2))
    assert first.text == second.text
    assert first.seed == 7
    assert first.logprobs and all(len(t.top) == 2 for t in first.logprobs)


def test_score(client):
    response = client.score("The heart rate is", [" normal.", " banana."])
    normal, banana = response.scores
    assert normal.total_logprob > banana.total_logprob
    assert normal.token_count == len(normal.tokens) == 2


def test_tokenize(client):
    text = "SpO2 96% 血氧饱和度"
    assert b"".join(t.piece for t in client.tokenize(text).tokens).decode() == text
    assert any(t.special for t in client.tokenize("<|im_start|>", parse_special=True).tokens)
    assert not any(t.special for t in client.tokenize("<|im_start|>").tokens)
    assert any(t.special for t in client.tokenize([user("Hello")]).tokens)


def test_summarize(client):
    record = v1.PatientRecord(
        patient=v1.Patient(id="p"), observations=[v1.Observation(
            id="hr", code=v1.Concept(codings=[v1.Coding(system="http://loinc.org", code="8867-4", display="Heart rate")]),
            value=v1.Value(quantity=v1.Quantity(value="80", unit="beats/minute", code="/min")))])
    answer = client.summarize(record, language="zh", include_facts=True)
    assert answer.language == "zh"
    assert ["Observation/hr"] in [list(f.evidence) for part in answer.sections for f in part.facts]
    assert all(s.text and s.evidence for part in answer.sections for s in part.sentences)
    assert answer.notice

    *pieces, last = client.stream_summary(record, language="zh", style="brief")
    assert {p.section for p in pieces} == {"summary"} and all(p.sentence.evidence for p in pieces)
    assert last.summary.notice and last.summary.model.name and not last.sentence.text
    with pytest.raises(ValueError, match="style is 'long'"):
        client.summarize(record, style="long")


def test_list_models(client):
    models = client.list_models()
    assert [m.default for m in models if m.state == v1.ModelState.MODEL_STATE_READY].count(True) >= 1
    assert {"smollm2-135m-instruct"} <= {m.reference.name for m in models}


def test_health(client):
    assert client.health()
    assert client.health("bedside.v1.GenerationService")
    with pytest.raises(NotFoundError):
        client.health("none")


def test_bad_input_names_its_fields(client):
    with pytest.raises(InvalidArgumentError) as caught:
        client.generate("Hello", top_p=3.0, max_tokens=-1, request_id="by-caller")
    error = caught.value
    assert {v.field for v in error.violations} == {"sampling.top_p", "sampling.max_tokens"}
    assert all(v.description for v in error.violations)
    assert (error.code, error.reason, error.retry_after) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", None)
    assert error.request_id == "by-caller"
    assert str(error).startswith("INVALID_ARGUMENT: sampling.") and str(error).endswith("(request by-caller)")
    with pytest.raises(InvalidArgumentError) as caught:
        client.generate([])
    assert [v.field for v in caught.value.violations] == ["chat.messages"]
    with pytest.raises(InvalidArgumentError) as caught:
        list(client.stream(""))
    assert [v.field for v in caught.value.violations] == ["prompt"]
    with pytest.raises(InvalidArgumentError) as caught:
        client.summarize({"resourceType": "Bundle", "type": "collection", "entry": 3})
    assert [v.field for v in caught.value.violations] == ["Bundle.entry"]
    with pytest.raises(NotFoundError) as missing:
        client.generate("Hello", model="none")
    assert missing.value.reason == "MODEL_NOT_FOUND"
    assert missing.value.request_id


def test_bad_input_is_no_retry_and_no_crash_here(client):
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_token'"):
        client.generate("Hello", max_token=3)
    with pytest.raises(TypeError, match="continuations is one string"):
        client.score("Hello", " there")
    with pytest.raises(TypeError, match="texts is one string"):
        client.embed("Hello", "query")
    with pytest.raises(ValueError, match="kind is 'question'"):
        client.embed(["Hello"], "question")
    with pytest.raises(ValueError):
        client.summarize({"resourceType": "Observation", "value": float("nan")})


def test_deadlines(server, client):
    with pytest.raises(DeadlineExceededError) as caught:
        client.generate("Once upon a time", max_tokens=2000, timeout=0.2)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.request_id
    with Client(server.address, timeout=0.2) as hasty:
        with pytest.raises(DeadlineExceededError):
            list(hasty.stream("Once upon a time", max_tokens=2000))
        assert hasty.generate("Once", max_tokens=1, timeout=None).text


# The server called `narrow` has one place: who gets an answer in time shows that the call before has left it.
ENDLESS = {"prompt": "Once upon a time", "max_tokens": 2000}


@pytest.mark.parametrize("leave", ["with", "close", "drop"])
def test_leaving_a_stream_ends_it_on_the_server(narrow, leave):
    with Client(narrow.address) as client:
        stream = client.stream(**ENDLESS)
        if leave == "with":
            with stream:
                next(stream)
        elif leave == "close":
            next(stream)
            stream.close()
            stream.close()
        else:
            for _ in stream:
                break
            del stream
            gc.collect()
        assert client.generate("Hello", max_tokens=1, timeout=10).usage.completion_tokens == 1
        if leave != "drop":
            assert list(stream) == []


def test_closing_wakes_who_waits(client):
    stream = client.stream("Once upon a time", max_tokens=2000)
    next(stream)
    got_one = threading.Event()

    def read() -> None:
        for _ in stream:
            got_one.set()

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        assert got_one.wait(60)
        stream.close()
        error = reading.exception(60)
    # It was waiting, or it was between two answers and found the stream closed.
    assert error is None or isinstance(error, CallCancelledError)


def test_concurrency(client):
    alone = client.generate(PROMPT, max_tokens=6).text
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda _: client.generate(PROMPT, max_tokens=6).text, range(16)))
    assert together == [alone] * 16


def test_the_channel_carries_other_stubs(client):
    stub = GenerationServiceStub(client.channel)
    assert stub.Tokenize(v1.TokenizeRequest(text="Hello"), timeout=60).tokens
    with pytest.raises(grpc.RpcError):
        client.channel.unary_unary("/bedside.v1.GenerationService/None")(b"", timeout=60)


def test_a_closed_client_says_so(server):
    client = Client(server.address)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.generate("Hello")
