"""Streams: many requests and their answers on one call, and language models, which give many answers to a request."""

from __future__ import annotations

import asyncio
import json
import queue

import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as aio
from conftest import LANGUAGE_MODEL
from test_infer import OUT_OF_TIME, endless, tensor
from test_models import simple_inputs
from tritonclient.utils import InferenceServerException


def texts(prompt: str, streamed: bool, **sampling) -> list[triton.InferInput]:
    return [
        tensor("text_input", "BYTES", np.array([prompt.encode()], np.object_)),
        tensor("stream", "BOOL", np.array([streamed])),
        tensor("sampling_parameters", "BYTES", np.array([json.dumps(sampling).encode()], np.object_)),
        tensor("exclude_input_in_output", "BOOL", np.array([True])),
    ]


def text_of(answer: triton.InferResult) -> str:
    got = answer.as_numpy("text_output")
    return "" if got is None else b"".join(got).decode()


def is_final(answer: triton.InferResult) -> bool:
    return answer.get_response().parameters["triton_final_response"].bool_param


class Listener:
    """What a blocking client's stream calls back."""

    def __init__(self) -> None:
        self.queue: queue.Queue = queue.Queue()

    def __call__(self, result, error) -> None:
        self.queue.put((result, error))

    def next(self) -> tuple:
        return self.queue.get(timeout=60)


def test_answers_come_in_the_order_of_their_requests(stream):
    heard = Listener()
    stream.start_stream(heard)
    for number in range(50):
        sent = np.full((1, 1), number, np.float32)
        stream.async_stream_infer("identity_fp32", [tensor("INPUT0", "FP32", sent)], request_id=str(number))
    for number in range(50):
        result, error = heard.next()
        assert error is None
        assert result.get_response().id == str(number) and result.as_numpy("OUTPUT0")[0, 0] == number
        assert is_final(result)
    stream.stop_stream()


def test_a_failed_request_leaves_its_stream_alone(stream):
    heard = Listener()
    stream.start_stream(heard, compression_algorithm="gzip", headers={"x-caller": "test"})
    stream.async_stream_infer("simple", simple_inputs()[:1], request_id="bad")
    stream.async_stream_infer("nobody", simple_inputs())
    stream.async_stream_infer("simple", simple_inputs(), request_id="good", priority=1, timeout=60_000_000)
    for text in ("INPUT1", "unknown model"):
        result, error = heard.next()
        assert result is None and text in error.message()
    result, error = heard.next()
    assert error is None and result.get_response().id == "good"
    stream.stop_stream()


def read_text(stream, heard, empty_final: bool, streamed: bool = True, **sampling) -> tuple[list, dict]:
    """The pieces of a generated text, and the parameters of the last answer."""
    stream.async_stream_infer(LANGUAGE_MODEL, texts("The heart rate is", streamed, **sampling), request_id="text",
                              enable_empty_final_response=empty_final)
    pieces = []
    while True:
        result, error = heard.next()
        assert error is None, error
        pieces.append(result)
        if is_final(result):
            return pieces, dict(result.get_response().parameters)


@pytest.mark.parametrize("empty_final", [True, False])
def test_a_language_model_answers_many_times(stream, empty_final):
    heard = Listener()
    stream.start_stream(heard)
    pieces, last = read_text(stream, heard, empty_final, max_tokens=12, temperature=0)
    assert len(pieces) > 4
    assert all(p.get_response().id == "text" for p in pieces)
    assert last["finish_reason"].string_param == "length" and last["completion_tokens"].int64_param == 12
    assert not text_of(pieces[-1])
    assert (len(pieces[-1].get_response().outputs) == 0) is empty_final
    whole, _ = read_text(stream, heard, empty_final, streamed=False, max_tokens=12, temperature=0)
    assert len(whole) == 1 and text_of(whole[0]) == "".join(map(text_of, pieces))
    stream.stop_stream()
    alone = stream.infer(LANGUAGE_MODEL, texts("The heart rate is", False, max_tokens=12, temperature=0))
    assert text_of(alone) == text_of(whole[0])


def test_a_stream_of_text_needs_a_stream(client, refused):
    refused("UNIMPLEMENTED", "ModelStreamInfer", client.infer, LANGUAGE_MODEL, texts("Hello", True, max_tokens=2))


def test_bad_text_requests(client, refused):
    refused("INVALID_ARGUMENT", "inputs[0]", client.infer, LANGUAGE_MODEL, texts("", False))
    refused("INVALID_ARGUMENT", "max_tokens", client.infer, LANGUAGE_MODEL, texts("a", False, max_tokens=-1))
    refused("INVALID_ARGUMENT", "inputs[2]", client.infer, LANGUAGE_MODEL, texts("a", False, wish=1))


def test_streams_can_be_cancelled(stream):
    heard = Listener()
    stream.start_stream(heard)
    stream.async_stream_infer(LANGUAGE_MODEL, texts("The heart rate is", True, max_tokens=2000, temperature=1.5, seed=1))
    stream.async_stream_infer("endless", endless())
    _, error = heard.next()
    assert error is None
    stream.stop_stream(cancel_requests=True)
    while (error := heard.next()[1]) is None:
        pass
    assert error.status() == "StatusCode.CANCELLED"


def test_a_stream_has_a_deadline(stream):
    heard = Listener()
    stream.start_stream(heard, stream_timeout=0.3)
    stream.async_stream_infer("endless", endless())
    _, error = heard.next()
    if error.status() is None:  # the server was first to tell, as of any request of a stream that fails
        assert "deadline" in error.message()
        _, error = heard.next()
    assert error.status() in OUT_OF_TIME
    stream.stop_stream()


def test_asyncio_streams(server):
    async def run() -> None:
        async with aio.InferenceServerClient(server.address) as client:
            async def requests():
                yield {"model_name": "simple", "inputs": simple_inputs()[:1], "request_id": "bad"}
                for number in range(20):
                    yield {"model_name": "simple", "inputs": simple_inputs(), "request_id": str(number)}
                yield {"model_name": LANGUAGE_MODEL, "inputs": texts("The heart rate is", True, max_tokens=8, temperature=0),
                       "request_id": "text", "enable_empty_final_response": True}

            ids, errors, pieces = [], [], []
            async for result, error in client.stream_infer(requests(), stream_timeout=120):
                if error is not None:
                    errors.append(error.message())
                elif result.get_response().id == "text":
                    pieces.append(result)
                else:
                    ids.append(result.get_response().id)
            assert ids == [str(n) for n in range(20)]
            assert len(errors) == 1 and "INPUT1" in errors[0]
            assert [is_final(p) for p in pieces] == [False] * (len(pieces) - 1) + [True] and len(pieces) > 3

    asyncio.run(run())


def test_asyncio_streams_can_be_cancelled(server):
    async def run() -> None:
        async with aio.InferenceServerClient(server.address) as client:
            async def requests():
                yield {"model_name": LANGUAGE_MODEL, "inputs": texts("The heart rate is", True, max_tokens=2000, seed=1)}

            answers = client.stream_infer(requests())
            with pytest.raises((asyncio.CancelledError, InferenceServerException)):
                async for _, error in answers:
                    assert error is None
                    answers.cancel()

    asyncio.run(run())
