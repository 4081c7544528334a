"""The server, its models, their configurations and their statistics."""

import numpy as np
import pytest
import tritonclient.grpc as triton
from conftest import LANGUAGE_MODEL


def simple_inputs(rows: int = 1) -> list[triton.InferInput]:
    inputs = [triton.InferInput(name, [rows, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for i, tensor in enumerate(inputs):
        tensor.set_data_from_numpy(np.full((rows, 16), i + 1, np.int32))
    return inputs


def test_server_lives(client):
    assert client.is_server_live()
    assert client.is_server_ready(headers={"x-caller": "test"}, client_timeout=30)


def test_server_metadata(client):
    metadata = client.get_server_metadata()
    assert metadata.name == "bedside" and metadata.version
    assert {"model_repository", "model_configuration", "statistics", "parameters"} <= set(metadata.extensions)
    assert client.get_server_metadata(as_json=True)["extensions"] == list(metadata.extensions)


@pytest.mark.parametrize("name, version, ready", [
    ("simple", "", True), ("simple", "1", True), ("simple", "2", False), ("versions", "2", True),
    (LANGUAGE_MODEL, "", True), ("broken", "", False), ("nobody", "", False),
])
def test_model_is_ready(client, name, version, ready):
    assert client.is_model_ready(name, version) is ready


def test_model_metadata(client):
    metadata = client.get_model_metadata("simple", as_json=True)
    assert metadata == {
        "name": "simple", "versions": ["1"], "platform": "onnxruntime_onnx",
        "inputs": [{"name": n, "datatype": "INT32", "shape": ["-1", "16"]} for n in ("INPUT0", "INPUT1")],
        "outputs": [{"name": n, "datatype": "INT32", "shape": ["-1", "16"]} for n in ("OUTPUT0", "OUTPUT1")],
    }
    assert client.get_model_metadata("versions").versions == ["1", "2"]
    assert client.get_model_metadata("versions", "1").versions == ["1"]


def test_metadata_of_a_language_model(client):
    metadata = client.get_model_metadata(LANGUAGE_MODEL)
    assert [t.name for t in metadata.inputs] == ["text_input", "stream", "sampling_parameters", "exclude_input_in_output"]
    assert [(t.name, t.datatype) for t in metadata.outputs] == [("text_output", "BYTES")]


@pytest.mark.parametrize("call", ["get_model_metadata", "get_model_config", "get_inference_statistics"])
@pytest.mark.parametrize("name, version, code, text", [
    ("nobody", "", "NOT_FOUND", "unknown model"), ("simple", "7", "NOT_FOUND", "7"),
    ("simple", "seven", "INVALID_ARGUMENT", "version"), ("broken", "", "UNAVAILABLE", "broken"),
])
def test_what_is_not_there(client, refused, call, name, version, code, text):
    refused(code, text, getattr(client, call), name, version)


def test_model_config(client):
    config = client.get_model_config("simple").config
    assert (config.name, config.max_batch_size, config.platform) == ("simple", 8, "onnxruntime_onnx")
    assert list(config.dynamic_batching.preferred_batch_size) == [4, 8]
    assert config.dynamic_batching.max_queue_delay_microseconds == 100
    assert [list(t.dims) for t in config.input] == [[16], [16]]
    config = client.get_model_config(LANGUAGE_MODEL, as_json=True)["config"]
    assert config["model_transaction_policy"]["decoupled"] is True


def test_config_completed_from_the_file(client):
    config = client.get_model_config("identity_fp32").config
    assert config.max_batch_size == 4 and config.HasField("dynamic_batching")
    assert [t.name for t in config.input] == ["INPUT0"]


def test_statistics(client):
    def read():
        return client.get_inference_statistics("simple", "1").model_stats[0]

    before = read()
    for rows in (1, 3):
        client.infer("simple", simple_inputs(rows))
    after = read()
    assert after.inference_count - before.inference_count == 4
    assert after.execution_count - before.execution_count == 2
    assert after.inference_stats.success.count - before.inference_stats.success.count == 2
    for part in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        assert getattr(after.inference_stats, part).count >= before.inference_stats.success.count + 2, part
    assert after.inference_stats.compute_infer.ns > before.inference_stats.compute_infer.ns
    assert after.last_inference >= before.last_inference > 0 or before.last_inference == 0
    sizes = {b.batch_size: b.compute_infer.count for b in after.batch_stats}
    assert sizes[1] >= 1 and sizes[3] >= 1


def test_failures_are_counted(client, refused):
    def failures() -> int:
        return client.get_inference_statistics("lookup").model_stats[0].inference_stats.fail.count

    before = failures()
    index = triton.InferInput("INDEX", [1, 1], "INT64")
    index.set_data_from_numpy(np.array([[99]], np.int64))
    refused("INVALID_ARGUMENT", "the model", client.infer, "lookup", [index])
    assert failures() == before + 1


def test_statistics_of_all_models(client):
    stats = client.get_inference_statistics(as_json=True)["model_stats"]
    assert {"simple", "identity_all", LANGUAGE_MODEL} <= {s["name"] for s in stats}
    assert [s["version"] for s in stats if s["name"] == "versions"] == ["1", "2"]


def test_repository_index(client):
    index = {(m.name, m.version): m for m in client.get_model_repository_index().models}
    assert index["simple", "1"].state == "READY"
    assert index["versions", "2"].state == "READY"
    assert index["broken", "1"].state == "UNAVAILABLE"
    assert "model.onnx" in index["broken", "1"].reason
    named = client.get_model_repository_index(as_json=True)["models"]
    assert {"name": "simple", "version": "1", "state": "READY"} in named
