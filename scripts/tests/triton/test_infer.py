"""Requests with one answer: tensors of every type, parameters, refusals, deadlines, cancellation."""

import threading

import ml_dtypes
import numpy as np
import pytest
import tritonclient.grpc as triton
from test_models import simple_inputs
from tritonclient.utils import InferenceServerException

BATCH = 3
VALUES = {
    "BOOL": np.array([True, False, True]),
    "UINT8": np.array([0, 1, 255], np.uint8),
    "UINT16": np.array([0, 1, 65535], np.uint16),
    "UINT32": np.array([0, 1, 2**32 - 1], np.uint32),
    "UINT64": np.array([0, 1, 2**64 - 1], np.uint64),
    "INT8": np.array([-128, 0, 127], np.int8),
    "INT16": np.array([-(2**15), 0, 2**15 - 1], np.int16),
    "INT32": np.array([-(2**31), 0, 2**31 - 1], np.int32),
    "INT64": np.array([-(2**63), 0, 2**63 - 1], np.int64),
    "FP16": np.array([-0.0, 65504, np.nan], np.float16),
    "FP32": np.array([1e-45, -np.inf, np.nan], np.float32),
    "FP64": np.array([5e-324, -np.inf, np.nan], np.float64),
    "BF16": np.array([1e-40, -np.inf, np.nan], ml_dtypes.bfloat16),
    "BYTES": np.array(["SpO₂ 96 %".encode(), b"", b"\xff\xfe\x80"], np.object_),
}


def tensor(name: str, datatype: str, value: np.ndarray) -> triton.InferInput:
    made = triton.InferInput(name, value.shape, datatype)
    made.set_data_from_numpy(value)
    return made


def test_every_type_at_once(client):
    sent = {t: np.stack([v] * BATCH) for t, v in VALUES.items()}
    types = [t.name.removeprefix("INPUT_") for t in client.get_model_metadata("identity_all").inputs]
    assert set(types) | {"BYTES"} == set(VALUES), "a type that is never sent"
    answer = client.infer("identity_all", [tensor(f"INPUT_{t}", t, sent[t]) for t in types])
    for t in types:
        got = answer.as_numpy(f"OUTPUT_{t}")
        if t == "BYTES":
            np.testing.assert_array_equal(got, sent[t])
        else:  # bit by bit, so that NaN is equal to itself
            assert (got.dtype, got.tobytes()) == (sent[t].dtype, sent[t].tobytes()), t
        output = answer.get_output(f"OUTPUT_{t}")
        assert (output.datatype, list(output.shape)) == (t, [BATCH, 3])


def test_bytes(client):
    sent = np.stack([VALUES["BYTES"]] * BATCH)
    answer = client.infer("identity_bytes", [tensor("INPUT0", "BYTES", sent)])
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), sent)


def test_strings_that_are_numbers(client):
    ones, twos = (np.array([[str(n).encode()] * 16], np.object_) for n in (1, 2))
    answer = client.infer("simple_string", [tensor("INPUT0", "BYTES", ones), tensor("INPUT1", "BYTES", twos)])
    assert [int(x) for x in answer.as_numpy("OUTPUT0")[0]] == [3] * 16
    assert [int(x) for x in answer.as_numpy("OUTPUT1")[0]] == [-1] * 16


def test_sum_and_difference(client):
    answer = client.infer("simple", simple_inputs(2), request_id="ward-7")
    assert (answer.as_numpy("OUTPUT0") == 3).all() and (answer.as_numpy("OUTPUT1") == -1).all()
    response = answer.get_response(as_json=True)
    assert (response["id"], response["model_name"], response["model_version"]) == ("ward-7", "simple", "1")
    assert answer.as_numpy("nothing") is None and answer.get_output("nothing") is None


def test_outputs_that_are_wanted(client):
    answer = client.infer("simple", simple_inputs(), outputs=[triton.InferRequestedOutput("OUTPUT1")])
    assert [o.name for o in answer.get_response().outputs] == ["OUTPUT1"]
    assert (answer.as_numpy("OUTPUT1") == -1).all()


@pytest.mark.parametrize("version, plus", [("", 1), ("1", 0), ("2", 1)])
def test_versions(client, version, plus):
    sent = np.arange(4, dtype=np.float32).reshape(1, 4)
    answer = client.infer("versions", [tensor("INPUT0", "FP32", sent)], model_version=version)
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), sent + plus)
    assert answer.get_response().model_version == (version or "2")


@pytest.mark.parametrize("rows", [1, 4, 5, 19])
def test_any_number_of_rows(client, rows):
    """More rows than max_batch_size are run in parts and come back as one answer."""
    sent = np.arange(rows * 7, dtype=np.float32).reshape(rows, 7)
    answer = client.infer("identity_fp32", [tensor("INPUT0", "FP32", sent)])
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), sent)


def test_large_tensors(client):
    sent = np.random.default_rng(1).standard_normal((4, 1 << 20), np.float32)  # 16 MiB
    answer = client.infer("identity_fp32", [tensor("INPUT0", "FP32", sent)])
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), sent)


@pytest.mark.parametrize("algorithm", [None, "gzip", "deflate"])
def test_compression(client, algorithm):
    answer = client.infer("simple", simple_inputs(), compression_algorithm=algorithm)
    assert (answer.as_numpy("OUTPUT0") == 3).all()


def test_parameters_and_headers(client):
    answer = client.infer("simple", simple_inputs(), priority=1, timeout=60_000_000,
                          headers={"bedside-tenant": "ward", "x-caller": "test"},
                          parameters={"text": "a", "flag": True, "count": 3, "share": 0.5})
    assert (answer.as_numpy("OUTPUT0") == 3).all()


def wrong(change) -> list[triton.InferInput]:
    inputs = simple_inputs()
    return change(inputs) or inputs


@pytest.mark.parametrize("inputs, text", [
    (wrong(lambda i: [i[0]]), "INPUT1"),
    (wrong(lambda i: [i[0], i[0]]), "inputs[1]"),
    (wrong(lambda i: [*i, tensor("INPUT2", "INT32", np.zeros((1, 16), np.int32))]), "inputs[2]"),
    (wrong(lambda i: [i[0], tensor("INPUT1", "FP32", np.zeros((1, 16), np.float32))]), "inputs[1]"),
    (wrong(lambda i: [i[0], tensor("INPUT1", "INT32", np.zeros((1, 15), np.int32))]), "inputs[1].shape"),
    (wrong(lambda i: [i[0], tensor("INPUT1", "INT32", np.zeros((2, 16), np.int32))]), "inputs[1].shape"),
    (wrong(lambda i: [i[0], tensor("INPUT1", "INT32", np.zeros(16, np.int32))]), "inputs[1].shape"),
    (wrong(lambda i: i[1].set_shape([2, 16]) and None), "inputs[1]"),
], ids=["missing", "twice", "unknown", "type", "width", "rows", "rank", "length"])
def test_inputs_that_do_not_fit(client, refused, inputs, text):
    refused("INVALID_ARGUMENT", text, client.infer, "simple", inputs)


def test_other_refusals(client, refused):
    refused("INVALID_ARGUMENT", "outputs[0]", client.infer, "simple", simple_inputs(),
            outputs=[triton.InferRequestedOutput("OUTPUT9")])
    refused("NOT_FOUND", "unknown model", client.infer, "nobody", simple_inputs())
    refused("NOT_FOUND", "9", client.infer, "simple", simple_inputs(), model_version="9")
    refused("UNAVAILABLE", "broken", client.infer, "broken", simple_inputs())
    none = tensor("INPUT0", "FP32", np.zeros((0, 7), np.float32))
    refused("INVALID_ARGUMENT", "inputs[0].shape", client.infer, "identity_fp32", [none])
    with pytest.raises(InferenceServerException, match="reserved"):
        client.infer("simple", simple_inputs(), parameters={"priority": 3})


def endless() -> list[triton.InferInput]:
    """A request that runs until someone ends it."""
    metadata = {"INPUT0": ("FP32", np.ones((1, 4), np.float32)), "ROUNDS": ("INT64", np.array([2**40], np.int64))}
    return [tensor(name, datatype, value) for name, (datatype, value) in metadata.items()]


# Client and server both end a call whose time is over. Where the server's clock is ahead by a little, the client takes
# the reset of the stream for a cancellation.
OUT_OF_TIME = ("StatusCode.DEADLINE_EXCEEDED", "StatusCode.CANCELLED")


def test_deadline(client):
    with pytest.raises(InferenceServerException) as caught:
        client.infer("endless", endless(), client_timeout=0.2)
    assert caught.value.status() in OUT_OF_TIME
    # What it ran on is free again.
    inputs = endless()
    inputs[1].set_data_from_numpy(np.array([3], np.int64))
    np.testing.assert_array_equal(client.infer("endless", inputs, client_timeout=60).as_numpy("OUTPUT0"), [[1] * 4])


def test_async_infer(stream):
    """The blocking client's way to have many requests under way."""
    answers, done = {}, threading.Event()

    def take(number):
        def callback(result, error):
            answers[number] = error or result.as_numpy("OUTPUT0")[0, 0]
            if len(answers) == 40:
                done.set()
        return callback

    for number in range(40):
        sent = np.full((1, 1), number, np.float32)
        stream.async_infer("identity_fp32", [tensor("INPUT0", "FP32", sent)], take(number), request_id=str(number))
    assert done.wait(60)
    assert answers == {n: n for n in range(40)}


def test_async_infer_cancelled(stream):
    outcome, done = [], threading.Event()

    def callback(result, error):
        outcome.append(error)
        done.set()

    call = stream.async_infer("endless", endless(), callback)
    call.cancel()
    assert done.wait(60)
    assert outcome[0].status() == "StatusCode.CANCELLED"
    # What it ran on is free again: a short one gets through.
    inputs = endless()
    inputs[1].set_data_from_numpy(np.array([3], np.int64))
    np.testing.assert_array_equal(stream.infer("endless", inputs, client_timeout=60).as_numpy("OUTPUT0"), [[1] * 4])
