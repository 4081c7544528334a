"""The knowledge graph, against the real server."""

import pytest

from bedside_client import AsyncClient, Client, InvalidArgumentError, v1
from server import ROOT, Server

RECORD = (ROOT / "testdata" / "records" / "sepsis-icu.fhir.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    database = tmp_path_factory.mktemp("graph") / "graph.db"
    running = Server("--model", "", "--embedding-model", "", "--graph-database", str(database))
    yield running
    running.stop()


def test_graph(client: Client):
    note = v1.GraphNote(id="n", text="No evidence of pulmonary embolism.")
    first = client.ingest_record(RECORD, notes=[note])
    assert first.new_triples == first.triples > 0
    assert client.ingest_record(RECORD, notes=[note]).new_triples == 0
    sepsis, *_ = client.search_graph(v1.SearchRequest(text="脓毒症")).nodes
    assert sepsis.name_en == "sepsis"
    around = client.neighbours(v1.NeighboursRequest(node=sepsis.id, kinds=["patient"]))
    assert first.patient_node in {t.subject for t in around.triples}
    pattern = v1.GraphPattern(subject=v1.GraphTerm(variable="p"), predicate="denied", object=v1.GraphTerm(variable="what"))
    match, = client.match_pattern(v1.MatchPatternRequest(patterns=[pattern])).matches
    assert match.bindings["p"].node == first.patient_node
    assert client.shortest_path(v1.ShortestPathRequest(**{"from": first.patient_node, "to": sepsis.id})).paths
    assert not client.similar_patients(v1.SimilarPatientsRequest(patient=first.patient_node)).patients
    assert client.render_graph(v1.RenderRequest(node=sepsis.id)).svg.startswith(b"<svg")
    with client.export_graph() as pieces:
        quads = b"".join(pieces)
    assert client.import_triples(quads).new_triples == 0
    with pytest.raises(InvalidArgumentError):
        client.import_triples(b"nonsense")


async def test_graph_async(server):
    async with AsyncClient(server.address) as client:
        ingested = await client.ingest_record(RECORD)
        patient = ingested.patient_node
        assert ingested.triples > 0
        sepsis, *_ = (await client.search_graph(v1.SearchRequest(text="sepsis"))).nodes
        assert (await client.neighbours(v1.NeighboursRequest(node=patient))).triples
        assert (await client.shortest_path(v1.ShortestPathRequest(**{"from": patient, "to": sepsis.id}))).paths
        pattern = v1.GraphPattern(subject=v1.GraphTerm(variable="p"), predicate="has_diagnosis",
                                  object=v1.GraphTerm(variable="d"))
        assert (await client.match_pattern(v1.MatchPatternRequest(patterns=[pattern]))).matches
        await client.similar_patients(v1.SimilarPatientsRequest(patient=patient))
        assert (await client.render_graph(v1.RenderRequest(node=patient))).svg.startswith(b"<svg")
        with pytest.raises(InvalidArgumentError):
            await client.import_triples(b"nonsense")
        with pytest.raises(InvalidArgumentError):
            await client.ingest_record("{}", patient="not a pseudonym!")
        async with client.export_graph() as pieces:
            assert b"".join([piece async for piece in pieces])
