"""Diagnoses and treatments, against the real server without a model that suggests diagnoses."""

import pytest

from bedside_client import AsyncClient, Client, FailedPreconditionError, InvalidArgumentError
from server import ROOT

RECORD = (ROOT / "testdata" / "records" / "sepsis-icu.fhir.json").read_text(encoding="utf-8")


def test_treatments_of_a_confirmed_diagnosis(plain):
    with Client(plain.address) as client:
        answer = client.treat(RECORD, diagnosis="A41.9", language="zh")
        assert (answer.language, answer.diagnosis.name, answer.diagnosis.confirmed) == ("zh", "脓毒症", True)
        removed = {s.code: s for s in answer.suggestions if s.verdict == "removed"}
        assert "AllergyIntolerance/allergyintolerance-1" in removed["74169"].findings[0].evidence
        assert not answer.HasField("model") and answer.notice
        assert client.treat(RECORD, diagnosis="Z99.9").abstention.reason == "no-guideline"
        with pytest.raises(InvalidArgumentError) as bad:
            client.treat(RECORD, diagnosis="sepsis")
        assert [v.field for v in bad.value.violations] == ["diagnosis"]


def test_without_a_model(plain):
    with Client(plain.address) as client:
        for call in (lambda: client.diagnose(RECORD), lambda: client.treat(RECORD)):
            with pytest.raises(FailedPreconditionError) as missing:
                call()
            assert missing.value.reason == "NO_MODEL"
        with pytest.raises(InvalidArgumentError) as bad:
            client.diagnose(RECORD, max_suggestions=33, language="fr")
        assert {v.field for v in bad.value.violations} == {"max_suggestions", "language"}


async def test_async(plain):
    async with AsyncClient(plain.address) as client:
        assert (await client.treat(RECORD, diagnosis="A41.9")).suggestions
        with pytest.raises(FailedPreconditionError):
            await client.diagnose(RECORD, max_suggestions=2, readings=False)
