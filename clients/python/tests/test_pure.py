"""Parts that need no server."""

import json
import pickle

import grpc
import pytest

from bedside_client import BedsideError, TlsFiles, _requests, user, v1
from bedside_client._call import Attempts, Caller
from bedside_client._options import channel_options, credentials, is_local, service_config


@pytest.mark.parametrize(("target", "local"), [
    ("127.0.0.1:8001", True), ("localhost:8001", True), ("localhost", True), ("[::1]:8001", True), ("::1", True),
    ("dns:///localhost:8001", True), ("dns:localhost:8001", True), ("dns://10.0.0.53/localhost:8001", True),
    ("unix:///run/bedside.sock", True), ("unix:relative.sock", True), ("unix-abstract:bedside", True),
    ("ipv4:127.0.0.1:8001,127.0.0.2:80", True), ("ipv4:127.0.0.1:8001,10.0.0.1:8001", False),
    ("bedside.example:8001", False), ("localhost.example:8001", False), ("10.0.0.1:8001", False), ("0.0.0.0:8001", False),
    ("dns:///bedside.example", False), ("xds:///bedside", False), ("", False), (":8001", False),
])
def test_is_local(target, local):
    assert is_local(target) is local


def test_what_leaves_the_machine_is_encrypted():
    assert credentials("127.0.0.1:8001", None) is None
    assert credentials("bedside.example:8001", None) is not None
    assert credentials("bedside.example:8001", False) is None
    assert credentials("127.0.0.1:8001", True) is not None
    own = grpc.ssl_channel_credentials()
    assert credentials("127.0.0.1:8001", own) is own


def test_files_to_encrypt_with(tmp_path):
    with pytest.raises(FileNotFoundError):
        credentials("127.0.0.1:8001", TlsFiles(ca=tmp_path / "none"))
    with pytest.raises(ValueError, match="go together"):
        credentials("127.0.0.1:8001", TlsFiles(cert=tmp_path / "cert"))
    (tmp_path / "ca").write_bytes(b"")
    assert credentials("127.0.0.1:8001", TlsFiles(ca=tmp_path / "ca")) is not None


def test_loading_a_model_is_not_retried():
    first, second = json.loads(service_config(True))["methodConfig"]
    assert {"service": "bedside.v1.ModelService", "method": "ListModels"} in first["name"]
    assert all(n != {"service": "bedside.v1.ModelService"} for n in first["name"])
    assert "retryPolicy" not in second and second["waitForReady"] is True


def test_options_of_the_caller_win():
    arguments = channel_options(False, "", [("grpc.keepalive_time_ms", 1)])
    assert dict(arguments)["grpc.keepalive_time_ms"] == 1


def test_forms_of_a_text():
    assert _requests.generate("x", {"choices": ["a", "b"]}).constraint.choices.texts == ["a", "b"]
    assert _requests.generate("x", {"regex": "a+"}).constraint.regex == "a+"
    schema = {"type": "object", "properties": {"心率": {"type": "integer"}, "a": {}}}
    for given in (schema, json.dumps(schema, ensure_ascii=False)):
        request = _requests.generate("x", {"json_schema": given})
        assert list(json.loads(request.constraint.json_schema)["properties"]) == ["心率", "a"]
    assert not _requests.generate("x", {"max_tokens": 1}).HasField("constraint")
    with pytest.raises(TypeError, match="json_schema and regex exclude one another"):
        _requests.generate("x", {"regex": "a", "json_schema": "{}"})
    with pytest.raises(TypeError, match="must be a list of strings"):
        _requests.generate("x", {"choices": "yes"})


def full(seconds):
    return BedsideError(grpc.StatusCode.RESOURCE_EXHAUSTED, "", retry_after=seconds)


def test_the_deadline_is_one_for_all_attempts(monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    attempts = Attempts({"timeout": 5.0}, 300.0, Caller())
    assert attempts.left() == 5.0
    delay = attempts.pause(full(2.0))
    assert delay is not None and 2.0 <= delay <= 2.5
    now += 3
    assert attempts.left() == 2.0
    assert attempts.pause(full(2.0)) is None
    assert attempts.pause(full(0.5)) is not None
    now += 3
    assert attempts.left() == 0.0


def test_how_often_a_call_is_made_again():
    attempts = Attempts({"timeout": None}, 300.0, Caller())
    assert attempts.left() is None
    assert [attempts.pause(full(0.0)) is None for _ in range(4)] == [False, False, False, True]
    again = Attempts({}, 300.0, Caller())
    assert again.pause(BedsideError(grpc.StatusCode.RESOURCE_EXHAUSTED, "")) is None
    assert again.pause(BedsideError(grpc.StatusCode.UNAVAILABLE, "", retry_after=1.0)) is None, "gRPC retries these"


def test_requests():
    request = _requests.generate("Hello", {"model": "m", "max_tokens": 3, "stop": ["a", "b"], "timeout": 1.0})
    assert request == v1.GenerateRequest(prompt="Hello", model="m", sampling=v1.Sampling(max_tokens=3, stop=["a", "b"]))
    assert _requests.generate([user("Hi")], {}).chat.messages[0] == v1.ChatMessage(role="user", content="Hi")
    assert _requests.generate([], {}).WhichOneof("input") == "chat"
    assert not _requests.generate("Hello", {}).sampling.HasField("max_tokens")
    assert _requests.tokenize("", False, "").WhichOneof("input") == "text"
    assert _requests.embed(["a"], "passage", True, "m") == v1.EmbedRequest(
        model="m", texts=["a"], kind=v1.EmbeddingKind.EMBEDDING_KIND_PASSAGE, truncate=True)
    assert _requests.summarize('{"resourceType": "Bundle"}', "", False, "").source.fhir_json == '{"resourceType": "Bundle"}'
    assert json.loads(_requests.summarize({"text": "心率"}, "zh", False, "").source.fhir_json) == {"text": "心率"}
    assert _requests.watch(n for n in "ab").names == ["a", "b"]


def test_messages_are_of_this_package():
    message = v1.GenerateRequest(prompt="Hello")
    assert type(message).__module__ == "bedside_client.v1.generation_pb2"
    assert pickle.loads(pickle.dumps(message)) == message
