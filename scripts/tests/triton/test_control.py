"""Loading and unloading."""

import numpy as np
import tritonclient.grpc as triton


def add_one(client, version: str = "") -> float:
    """What "versions" makes of 1: 1 by version 1, 2 by version 2."""
    tensor = triton.InferInput("INPUT0", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 4), np.float32))
    return float(client.infer("versions", [tensor], version).as_numpy("OUTPUT0")[0, 0])


def test_load_and_unload(controller, refused):
    assert not controller.is_model_ready("versions")
    refused("UNAVAILABLE", "versions", add_one, controller)
    controller.load_model("versions")
    assert controller.is_model_ready("versions", "1") and controller.is_model_ready("versions", "2")
    assert (add_one(controller), add_one(controller, "1")) == (2, 1)
    controller.load_model("versions")  # anew, beside the one that serves
    assert add_one(controller) == 2
    controller.unload_model("versions", unload_dependents=True)
    states = {(m.version, m.state, m.reason) for m in controller.get_model_repository_index().models if m.name == "versions"}
    assert states == {("1", "UNAVAILABLE", "unloaded"), ("2", "UNAVAILABLE", "unloaded")}
    refused("UNAVAILABLE", "versions", add_one, controller)


def test_a_model_that_cannot_be_loaded(controller, refused):
    refused("FAILED_PRECONDITION", "model.onnx", controller.load_model, "broken")
    reason = next(m.reason for m in controller.get_model_repository_index().models if m.name == "broken")
    assert "model.onnx" in reason


def test_names_that_are_not_there(controller, refused):
    refused("NOT_FOUND", "unknown model", controller.load_model, "nobody")
    refused("NOT_FOUND", "unknown model", controller.unload_model, "nobody")


def test_files_and_configurations_come_from_the_repository_alone(controller, refused):
    refused("UNIMPLEMENTED", "config", controller.load_model, "simple", config='{"max_batch_size": 4}')
    refused("UNIMPLEMENTED", "config", controller.load_model, "simple", config='{"max_batch_size": 4}',
            files={"file:1/model.onnx": b"x"})


def test_control_must_be_asked_for(client, refused):
    refused("FAILED_PRECONDITION", "explicit", client.load_model, "simple")
    refused("FAILED_PRECONDITION", "explicit", client.unload_model, "simple")
