"""Records prepared and signals described, against the real server."""

import contextlib
import io
import json
import math
import re
import shutil
import struct
import threading
import wave

import pytest
import pytest_asyncio

from bedside_client import AsyncClient, Client, InvalidArgumentError, UnavailableError, v1
from scripted import serve_preparation
from server import ROOT

README = ROOT / "clients" / "python" / "README.md"
SIGNALS = ROOT / "testdata" / "signals"
RECORDS = ROOT / "testdata" / "records"
FHIR = (RECORDS / "sepsis-ward.fhir.json").read_text(encoding="utf-8")
HL7 = (RECORDS / "sepsis-ward.hl7").read_text(encoding="utf-8")
BROKEN = {"resourceType": "Bundle", "type": "collection",
          "entry": [{"resource": {"resourceType": "Patient", "id": "p", "gender": "Not said yet"}}]}
TYPED = v1.PatientRecord(
    patient=v1.Patient(id="p"), observations=[v1.Observation(
        id="hr", code=v1.Concept(codings=[v1.Coding(system="http://loinc.org", code="8867-4", display="Heart rate")]),
        value=v1.Value(quantity=v1.Quantity(value="80", unit="beats/minute", code="/min")))])
TABLE = v1.RecordSource(csv=v1.CsvSource(data=(RECORDS / "vitals.csv").read_text(encoding="utf-8"),
                                         mapping=(RECORDS / "vitals.mapping.yaml").read_text(encoding="utf-8")))
# What is parsed has lost the last zeros of its decimals, so it is held against what it is sent as.
PARSED = json.loads(FHIR)
MIXED = [json.dumps(PARSED), PARSED, BROKEN, HL7, TYPED, TABLE]
STAGES = ["units", "clock", "duplicates", "plausibility", "artefacts"]


def tone(seconds=1.0, rate=8000):
    """A WAV file of 16 bits: a tone of 440 Hz at half of full scale."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(b"".join(struct.pack("<h", round(16384 * math.sin(2 * math.pi * 440 * i / rate)))
                                 for i in range(round(seconds * rate))))
    return file.getvalue()


@pytest.fixture(scope="module")
def server(plain):
    """Preparing needs no model."""
    return plain


@pytest_asyncio.fixture
async def aio(server):
    async with AsyncClient(server.address) as made:
        yield made


def check_mixed(answers):
    assert [a.WhichOneof("result") for a in answers] == ["prepared"] * 2 + ["failure"] + ["prepared"] * 3
    text, parsed, broken, hl7, typed, table = answers
    assert [r.stage for r in text.prepared.reports] == STAGES
    assert all(r.source for r in text.prepared.reports)
    assert text.prepared == parsed.prepared
    assert [p.path for p in broken.failure.problems] == ["Bundle.entry[0].resource.gender"]
    assert broken.failure.problems[0].message and "Not said" not in str(broken)
    assert broken.failure.code == 3
    assert len(hl7.prepared.record.observations) == 7
    assert [o.id for o in typed.prepared.record.observations] == ["hr"]
    assert table.prepared.record.patient.id == "bed-7"
    assert not text.prepared.HasField("text") and not text.prepared.HasField("features")


def test_records_of_all_kinds_in_one_stream(client):
    check_mixed(list(client.prepare(MIXED)))
    check_mixed(list(client.prepare(iter(MIXED), timeout=60)))
    assert list(client.prepare([])) == []


async def test_records_of_all_kinds_for_asyncio(aio):
    async def coming():
        for record in MIXED:
            yield record

    check_mixed([a async for a in aio.prepare(MIXED)])
    check_mixed([a async for a in aio.prepare(coming())])
    assert [a async for a in aio.prepare([])] == []


def test_options(client):
    answer, = client.prepare([FHIR], skip_stages=["units", "gaps"], fill_interval_minutes=60, include_features=True,
                             include_raw=True, text=v1.TextOptions(language="zh", style=v1.TextStyle.TEXT_STYLE_COMPACT))
    prepared = answer.prepared
    assert [r.stage for r in prepared.reports] == ["clock", "duplicates", "plausibility", "artefacts"]
    assert prepared.text.language == "zh" and prepared.text.text
    assert prepared.features.schema
    assert any(f.HasField("value") for f in prepared.features.values)
    assert any(not f.HasField("value") for f in prepared.features.values)
    refused, = client.prepare([FHIR], skip_stages=["magic"], fill_interval_minutes=-1)
    assert {p.path for p in refused.failure.problems} == {"options.skip_stages[0]", "options.fill_interval_minutes"}
    plain, = client.prepare([TABLE])
    filled, = client.prepare([TABLE], fill_interval_minutes=5)
    assert [r.stage for r in filled.prepared.reports] == [*STAGES, "gaps"]
    assert len(filled.prepared.record.observations) > len(plain.prepared.record.observations)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_what_is_no_list_of_records(server, kind):
    client = kind(server.address)
    for one in FHIR, FHIR.encode(), BROKEN:
        with pytest.raises(TypeError, match="records is one record"):
            client.prepare(one)
    with pytest.raises(TypeError, match="not iterable"):
        client.prepare(TYPED)
    with pytest.raises(TypeError, match="unexpected keyword argument 'skip_stage'"):
        client.prepare([FHIR], skip_stage=["gaps"])
    closing = client.close()
    if closing is not None:
        await closing


def endless(ended):
    try:
        while True:
            yield FHIR
    finally:
        ended.set()


@pytest.mark.parametrize("leave", ["with", "close", "drop"])
def test_leaving_early_reads_no_more_records(server, leave):
    ended = threading.Event()
    with Client(server.address) as client:
        stream = client.prepare(endless(ended))
        if leave == "with":
            with stream:
                assert next(stream).HasField("prepared")
        elif leave == "close":
            assert next(stream).HasField("prepared")
            stream.close()
        else:
            for _ in stream:
                break
        if leave != "drop":
            assert list(stream) == []
        del stream
        assert ended.wait(60)
        assert len(list(client.prepare([FHIR]))) == 1


async def test_leaving_early_reads_no_more_records_for_asyncio(aio):
    ended = threading.Event()

    async def coming():
        with_end = endless(ended)
        try:
            for record in with_end:
                yield record
        finally:
            with_end.close()

    records = coming()
    async with aio.prepare(records) as stream:
        assert (await anext(stream)).HasField("prepared")
    assert [a async for a in stream] == []
    assert len([a async for a in aio.prepare([FHIR])]) == 1
    await records.aclose()
    assert ended.is_set()


def breaking():
    yield FHIR
    raise OSError("the disk is gone")


@pytest.mark.parametrize(("records", "error"), [
    (breaking, OSError), (lambda: [FHIR, b"bytes"], TypeError), (lambda: [FHIR, {"value": math.nan}], ValueError)])
async def test_an_error_of_the_records_comes_after_their_answers(client, aio, records, error):
    answers = client.prepare(records())
    assert next(answers).HasField("prepared")
    with pytest.raises(error) as caught:
        next(answers)
    assert caught.value.__context__ is None, "it is told as it was raised"
    assert list(answers) == []

    async def coming():
        for record in records():
            yield record

    for given in records(), coming():
        awaited = aio.prepare(given)
        assert (await anext(awaited)).HasField("prepared")
        with pytest.raises(error):
            await anext(awaited)
        assert [a async for a in awaited] == []


def test_what_is_tried_again():
    with serve_preparation(failures=2) as (address, service):
        with Client(address) as client:
            with pytest.raises(UnavailableError):
                list(client.prepare([FHIR]))
            assert service.attempts == 1
            service.attempts = 0
            assert client.describe_signal(v1.SignalSource(wav=b"x"), language="zh").language == "zh"
            assert service.attempts == 3
        assert service.deadlines == [False, True, True, True], "a stream has none of the client's"


@pytest.mark.parametrize("records", [1, 2, 100])
async def test_what_the_server_says_comes_through_while_records_are_sent(records):
    with serve_preparation(failures=1000) as (address, service):
        async with AsyncClient(address) as client:
            for attempts in range(1, 6):
                with pytest.raises(UnavailableError):
                    [a async for a in client.prepare([FHIR] * records)]
                assert service.attempts == attempts
        with Client(address) as client, pytest.raises(UnavailableError):
            list(client.prepare([FHIR] * records))


def test_a_sound(client):
    answer = client.describe_signal(v1.SignalSource(wav=tone()))
    sound, = answer.descriptions
    assert (answer.language, sound.kind) == ("en", "sound")
    assert sound.sentences and sound.limits and answer.notice
    duration = next(f for f in sound.findings if f.key == "duration")
    assert (duration.number, duration.unit) == (pytest.approx(1.0), "s")
    chinese = client.describe_signal(v1.SignalSource(wav=tone()), language="zh")
    assert [f.key for f in chinese.descriptions[0].findings] == [f.key for f in sound.findings]
    assert chinese.descriptions[0].sentences != sound.sentences


async def test_a_sound_for_asyncio(aio):
    answer = await aio.describe_signal(v1.SignalSource(wav=tone()))
    assert [d.kind for d in answer.descriptions] == ["sound"]
    with pytest.raises(InvalidArgumentError):
        await aio.describe_signal(v1.SignalSource(wav=tone()[:40]))


def test_signals_that_cannot_be_read(client):
    with pytest.raises(InvalidArgumentError) as caught:
        client.describe_signal(v1.SignalSource(wav=b"no sound"))
    assert caught.value.violations and "no sound" not in str(caught.value.violations)
    with pytest.raises(InvalidArgumentError) as caught:
        client.describe_signal(v1.SignalSource(wav=tone()), language="fr")
    assert [v.field for v in caught.value.violations] == ["language"]
    with pytest.raises(InvalidArgumentError) as caught:
        client.describe_signal(v1.SignalSource())
    assert caught.value.violations


def test_the_example_of_the_readme(server, tmp_path, monkeypatch):
    readme = README.read_text(encoding="utf-8")
    section = re.search(r"^## Records and signals$.*?^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    for file in RECORDS / "vitals.csv", RECORDS / "vitals.mapping.yaml", SIGNALS / "ward.hea", SIGNALS / "ward.dat":
        shutil.copy(file, tmp_path)
    (tmp_path / "patient.fhir.json").write_text(FHIR, encoding="utf-8")
    (tmp_path / "patient.hl7").write_text(HL7, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(section[1].replace("127.0.0.1:8001", server.address), README, "exec"), {})
    printed = out.getvalue()
    assert printed.count("\nduplicates ") == 3 and printed.count("\ngaps ") == 3
    assert "\nBundle empty record" in printed and "\necg " in printed
