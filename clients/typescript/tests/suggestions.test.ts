import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Client, FailedPreconditionError, InvalidArgumentError } from "../src/index.js";
import { root, Server } from "./server.js";

const record = readFileSync(`${root}testdata/records/sepsis-icu.fhir.json`, "utf8");

describe("diagnoses and treatments, without a model that suggests diagnoses", () => {
  let server: Server;
  let client: Client;
  before(async () => {
    server = await Server.start(["--model", "", "--embedding-model", "", "--shipped-models", "none"]);
    client = new Client(server.address);
  });
  after(async () => {
    client.close();
    await server.stop();
  });

  test("treatments of a confirmed diagnosis", async () => {
    const answer = await client.treat(record, { diagnosis: "A41.9", language: "zh" });
    assert.deepEqual([answer.language, answer.diagnosis?.name, answer.diagnosis?.confirmed], ["zh", "脓毒症", true]);
    const removed = answer.suggestions.find((s) => s.code === "74169");
    assert.equal(removed?.verdict, "removed");
    assert.ok(removed.findings[0]?.evidence.includes("AllergyIntolerance/allergyintolerance-1"));
    assert.equal(answer.model, undefined);
    assert.equal((await client.treat(record, { diagnosis: "Z99.9" })).abstention?.reason, "no-guideline");
  });

  test("no model", async () => {
    for (const call of [() => client.diagnose(record, { omitReadings: true }), () => client.treat(record)]) {
      await assert.rejects(call, (e) => e instanceof FailedPreconditionError && e.reason === "NO_MODEL");
    }
  });

  test("bad requests name their fields", async () => {
    const named = (field: string) => (e: unknown) => e instanceof InvalidArgumentError && e.violations[0]?.field === field;
    await assert.rejects(client.diagnose(record, { maxSuggestions: 33 }), named("max_suggestions"));
    await assert.rejects(client.treat(record, { diagnosis: "sepsis" }), named("diagnosis"));
  });
});
