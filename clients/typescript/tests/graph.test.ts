import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { Client } from "../src/index.js";
import { KnowledgeGraphService } from "../src/v1.js";
import { root, Server } from "./server.js";

test("the knowledge graph, by its generated client", async () => {
  const folder = mkdtempSync(`${tmpdir()}/graph-`);
  const server = await Server.start(["--model", "", "--embedding-model", "", "--graph-database", `${folder}/graph.db`]);
  const client = new Client(server.address);
  try {
    const graph = createClient(KnowledgeGraphService, client.transport);
    const fhirJson = readFileSync(`${root}testdata/records/sepsis-icu.fhir.json`, "utf8");
    const { patientNode, newTriples } = await graph.ingestRecord({ source: { source: { case: "fhirJson", value: fhirJson } } });
    assert.ok(newTriples > 0);
    const { triples } = await graph.neighbours({ node: patientNode, predicates: ["has_diagnosis"] });
    assert.ok(triples.length > 0 && triples.every((t) => t.subject === patientNode));
    const { nodes } = await graph.search({ text: "脓毒症" });
    assert.equal(nodes[0]?.nameEn, "sepsis");
  } finally {
    client.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});
