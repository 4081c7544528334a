import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { serverUrl, type ClientOptions } from "../src/options.js";
import { embedRequest, generateRequest, summarizeRequest, tokenizeRequest } from "../src/requests.js";
import { EmbeddingKind, PatientRecordSchema } from "../src/v1.js";

test("what leaves the machine is encrypted", () => {
  const cases: [target: string, tls: ClientOptions["tls"], url: string][] = [
    ["127.0.0.1:8001", undefined, "http://127.0.0.1:8001/"],
    ["127.1.2.3:8001", undefined, "http://127.1.2.3:8001/"],
    ["localhost:8001", undefined, "http://localhost:8001/"],
    ["[::1]:8001", undefined, "http://[::1]:8001/"],
    ["bedside.example:8001", undefined, "https://bedside.example:8001/"],
    ["localhost.example:8001", undefined, "https://localhost.example:8001/"],
    ["127.0.0.1.example:8001", undefined, "https://127.0.0.1.example:8001/"],
    ["10.0.0.1:8001", undefined, "https://10.0.0.1:8001/"],
    ["0.0.0.0:8001", undefined, "https://0.0.0.0:8001/"],
    ["bedside.example:8001", false, "http://bedside.example:8001/"],
    ["127.0.0.1:8001", true, "https://127.0.0.1:8001/"],
    ["127.0.0.1:8001", { ca: "x" }, "https://127.0.0.1:8001/"],
    ["http://bedside.example:8001", undefined, "http://bedside.example:8001/"],
    ["localhost:80", undefined, "http://localhost/"],
    ["bedside.example:80", undefined, "https://bedside.example:80/"],
    ["https://bedside.example", undefined, "https://bedside.example/"],
  ];
  for (const [target, tls, url] of cases) {
    assert.equal(serverUrl(target, tls).href, url, target);
  }
  for (const target of ["", "localhost", "bedside.example", ":8001", "host:8001/path", "host:port", "a b:1"]) {
    assert.throws(() => serverUrl(target, undefined), TypeError, target);
  }
});

test("requests", () => {
  const request = generateRequest("Hello", { model: "m", maxTokens: 3, stop: ["a"], seed: 1n });
  assert.deepEqual(request.input, { case: "prompt", value: "Hello" });
  assert.deepEqual([request.model, request.sampling?.maxTokens, request.sampling?.seed, request.sampling?.stop], ["m", 3, 1n, ["a"]]);
  assert.equal(generateRequest("Hello", {}).sampling?.maxTokens, undefined);
  assert.equal(generateRequest([], {}).input.case, "chat");
  assert.equal(generateRequest("Hello", {}).constraint, undefined);
  const schema = { properties: { b: {}, a: {} } };
  for (const [constraint, sent] of [
    [{ choices: ["a", "b"] }, ["a", "b"]],
    [{ regex: "a+" }, "a+"],
    [{ jsonSchema: schema }, '{"properties":{"b":{},"a":{}}}'],
    [{ jsonSchema: "true" }, "true"],
  ] as const) {
    const form = generateRequest("Hello", { constraint }).constraint?.form;
    assert.deepEqual(form?.case === "choices" ? form.value.texts : form?.value, sent);
  }
  assert.equal(tokenizeRequest("").input.case, "text");
  assert.equal(embedRequest(["a"], "passage").kind, EmbeddingKind.PASSAGE);
  assert.equal(summarizeRequest({ resourceType: "Bundle" }).source?.source.value, '{"resourceType":"Bundle"}');
  assert.equal(summarizeRequest(create(PatientRecordSchema)).source?.source.case, "record");
});
