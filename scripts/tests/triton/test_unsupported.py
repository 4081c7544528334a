"""What Triton has and this server has not: a clear refusal, not an accident."""

import inspect
import re
from pathlib import Path

import pytest
import tritonclient.grpc as blocking
import tritonclient.grpc.aio as aio
from test_models import simple_inputs


def test_shared_memory(client, refused):
    for call in (
        lambda: client.get_system_shared_memory_status(),
        lambda: client.register_system_shared_memory("region", "/region", 64),
        lambda: client.unregister_system_shared_memory("region"),
        lambda: client.get_cuda_shared_memory_status("region"),
        lambda: client.register_cuda_shared_memory("region", b"AAAA", 0, 64),
        lambda: client.unregister_cuda_shared_memory(),
    ):
        refused("UNIMPLEMENTED", "shared memory", call)


def test_trace_and_log_settings(client, refused):
    for call in (
        lambda: client.get_trace_settings("simple"),
        lambda: client.update_trace_settings("simple", {"trace_level": ["OFF"]}),
        lambda: client.get_log_settings(),
        lambda: client.update_log_settings({"log_info": True}),
    ):
        refused("UNIMPLEMENTED", "settings", call)


def test_tensors_in_shared_memory(client, refused):
    inputs = simple_inputs()
    inputs[1].set_shared_memory("region", 64)
    refused("INVALID_ARGUMENT", "inputs[1]", client.infer, "simple", inputs)
    output = blocking.InferRequestedOutput("OUTPUT0")
    output.set_shared_memory("region", 64)
    refused("INVALID_ARGUMENT", "outputs[0]", client.infer, "simple", simple_inputs(), outputs=[output])


def test_classification(client, refused):
    output = blocking.InferRequestedOutput("OUTPUT0", class_count=3)
    refused("INVALID_ARGUMENT", "classification", client.infer, "simple", simple_inputs(), outputs=[output])


def test_sequences(client, refused):
    refused("INVALID_ARGUMENT", "sequence", client.infer, "simple", simple_inputs(), sequence_id=5, sequence_start=True)
    refused("INVALID_ARGUMENT", "sequence", client.infer, "simple", simple_inputs(), sequence_id="five", sequence_end=True)


@pytest.mark.parametrize("client_class", [blocking.InferenceServerClient, aio.InferenceServerClient])
def test_no_method_is_left_out(client_class):
    """A later release of the client with more methods shows up here."""
    methods = {name for name, _ in inspect.getmembers(client_class, inspect.isfunction) if not name.startswith("_")}
    inherited = {"register_plugin", "unregister_plugin", "plugin"}  # of the client's own, nothing is called
    text = "".join(f.read_text(encoding="utf-8") for f in Path(__file__).parent.glob("*.py"))
    called = set(re.findall(r"""\.(\w+)[(,]|"(get_\w+)\"""", text))
    assert methods - inherited <= {name for pair in called for name in pair}
