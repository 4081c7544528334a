"""Triton's own client beside this one, in one process: both speak with the same server.

Triton's client registers the names of the `inference` package with protobuf, which has one registry for a whole process.
Were they in this package too, importing both would fail.
"""

import importlib
import pkgutil

import numpy
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from google.protobuf import descriptor_pool

import bedside_client.v1
from bedside_client import AsyncClient, Client


def given():
    values = numpy.arange(8, dtype=numpy.float32).reshape(2, 4)
    tensor = triton.InferInput("INPUT0", values.shape, "FP32")
    tensor.set_data_from_numpy(values)
    return values, tensor


async def test_both_clients_in_one_process(server):
    values, tensor = given()
    with Client(server.address) as client, triton.InferenceServerClient(server.address) as other:
        client.load_model("identity_fp32")
        assert other.is_model_ready("identity_fp32")
        assert (other.infer("identity_fp32", [tensor]).as_numpy("OUTPUT0") == values).all()
        assert client.generate("Hello", max_tokens=1).usage.completion_tokens == 1
        async with AsyncClient(server.address) as waiting, triton_aio.InferenceServerClient(server.address) as awaited:
            assert ((await awaited.infer("identity_fp32", [tensor])).as_numpy("OUTPUT0") == values).all()
            await waiting.unload_model("identity_fp32")
        assert not other.is_model_ready("identity_fp32")


def test_this_package_has_no_inference():
    names = {m.name for m in pkgutil.iter_modules(bedside_client.v1.__path__)}
    files = {importlib.import_module(f"bedside_client.v1.{n}").DESCRIPTOR.package for n in names if n.endswith("_pb2")}
    assert files == {"bedside.v1"}
    pool = descriptor_pool.Default()
    assert pool.FindMessageTypeByName("inference.ModelInferRequest").file.name == "grpc_service.proto"
    with pytest.raises(KeyError):
        pool.FindFileByName("buf/validate/validate.proto")
