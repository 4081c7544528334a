"""Triton's own client beside this one, in one process: both speak with the same server.

Triton's client registers the names of the `inference` package with protobuf, which has one registry for a whole process.
Were they in this package too, importing both would fail.
"""

import importlib
import pkgutil

import pytest
from google.protobuf import descriptor_pool

import bedside_client.v1


def test_both_clients_in_one_process(server):
    import tritonclient.grpc as triton
    import tritonclient.grpc.aio as triton_aio

    from bedside_client import Client

    with Client(server.address) as client, triton.InferenceServerClient(server.address) as other:
        assert other
        assert client.generate("Hello", max_tokens=1).usage.completion_tokens == 1
    assert triton_aio.InferenceServerClient
    pool = descriptor_pool.Default()
    assert pool.FindMessageTypeByName("inference.ModelInferRequest").file.name == "grpc_service.proto"
    assert pool.FindMessageTypeByName("bedside.v1.EmbedRequest").file.name == "bedside/v1/embedding.proto"


def test_this_package_has_no_inference():
    names = {m.name for m in pkgutil.iter_modules(bedside_client.v1.__path__)}
    files = {importlib.import_module(f"bedside_client.v1.{n}").DESCRIPTOR.package for n in names if n.endswith("_pb2")}
    assert files == {"bedside.v1"}
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindFileByName("buf/validate/validate.proto")
