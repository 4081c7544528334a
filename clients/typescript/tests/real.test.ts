import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  BedsideError,
  CallCancelledError,
  Client,
  DeadlineExceededError,
  FailedPreconditionError,
  FinishReason,
  InvalidArgumentError,
  ModelState,
  NotFoundError,
  ResourceExhaustedError,
  toBedsideError,
  UnavailableError,
  type Violation,
} from "../src/index.js";
import { PatientRecordSchema, type StreamGenerateResponse } from "../src/v1.js";
import { repository, root, Server } from "./server.js";

const prompt = "The patient was admitted with";
const endless = { maxTokens: 2000 };

const heartRate = {
  resourceType: "Bundle",
  type: "collection",
  entry: [
    { resource: { resourceType: "Patient", id: "p", gender: "female", birthDate: "1950" } },
    {
      resource: {
        resourceType: "Observation",
        id: "hr",
        status: "final",
        subject: { reference: "Patient/p" },
        code: { coding: [{ system: "http://loinc.org", code: "8867-4", display: "Heart rate" }] },
        effectiveDateTime: "2026-03-01T08:00:00Z",
        valueQuantity: { value: 80, unit: "/min", system: "http://unitsofmeasure.org", code: "/min" },
      },
    },
  ],
};

async function collect<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const piece of pieces) {
    all.push(piece);
  }
  return all;
}

const text = (pieces: readonly StreamGenerateResponse[]) => pieces.map((p) => p.text).join("");

async function failure<E extends BedsideError>(call: Promise<unknown>, kind: abstract new (...args: never[]) => E): Promise<E> {
  try {
    await call;
  } catch (error) {
    assert(error instanceof kind, `${error} is no ${kind.name}`);
    return error;
  }
  return assert.fail("the call went well");
}

const fields = (error: BedsideError) => error.violations.map((v: Violation) => v.field).sort();

describe("the real server", () => {
  let server: Server;
  let client: Client;
  before(async () => {
    server = await Server.start(repository);
    client = new Client(server.address);
  });
  after(async () => {
    client.close();
    await server.stop();
  });

  test("a text has the form that was asked for", async () => {
    const chosen = await client.generate(prompt, { constraint: { choices: ["fever", "chest pain"] } });
    assert.ok(["fever", "chest pain"].includes(chosen.text));
    const properties = { hr: { type: "integer", minimum: 30 } };
    const jsonSchema = { type: "object", additionalProperties: false, required: ["hr"], properties };
    const answer = await client.generate(prompt, { constraint: { jsonSchema } });
    assert.ok(answer.constraintMet);
    assert.ok((JSON.parse(answer.text) as { hr: number }).hr >= 30);
    const cut = await client.generate(prompt, { maxTokens: 2, constraint: { regex: "a{50}b" } });
    assert.equal(cut.constraintMet, false);
  });

  test("generate and stream give the same text", async () => {
    const whole = await client.generate(prompt, { maxTokens: 12 });
    assert.notEqual(whole.text.trim(), "");
    assert.equal(whole.usage?.completionTokens, 12);
    assert.equal(whole.finishReason, FinishReason.LENGTH);
    assert.match(whole.model?.digest ?? "", /^sha256:/);
    const pieces = await collect(client.stream(prompt, { maxTokens: 12 }));
    assert(pieces.length > 1);
    assert.equal(text(pieces), whole.text);
    assert.deepEqual(
      pieces.map((p) => p.usage !== undefined),
      pieces.map((_, i) => i === pieces.length - 1),
    );
  });

  test("chat and sampling", async () => {
    const chat = [
      { role: "system", content: "Answer in one word." },
      { role: "user", content: "Name a colour." },
      { role: "assistant", content: "Red" },
      { role: "user", content: "Another one." },
    ] as const;
    const options = { maxTokens: 8, temperature: 1, seed: 7n, topK: 20, topP: 0.9, stop: ["\n\n"], logprobs: 2 };
    const first = await client.generate(chat, options);
    assert.equal((await client.generate(chat, options)).text, first.text);
    assert.equal(first.seed, 7n);
    assert(first.logprobs.length > 0 && first.logprobs.every((t) => t.top.length === 2));
  });

  test("score", async () => {
    const [normal, banana] = (await client.score("The heart rate is", [" normal.", " banana."])).scores;
    assert(normal && banana && normal.totalLogprob > banana.totalLogprob);
    assert.equal(normal.tokens.length, normal.tokenCount);
  });

  test("tokenize", async () => {
    const sample = "SpO2 96% 血氧饱和度";
    const pieces = (await client.tokenize(sample)).tokens.map((t) => t.piece);
    assert.equal(Buffer.concat(pieces).toString(), sample);
    const special = async (...call: Parameters<Client["tokenize"]>) => (await client.tokenize(...call)).tokens.some((t) => t.special);
    assert(await special("<|im_start|>", { parseSpecial: true }));
    assert(!(await special("<|im_start|>")));
    assert(await special([{ role: "user", content: "Hello" }]));
  });

  test("summarize", async () => {
    const typed = create(PatientRecordSchema, {
      patient: { id: "p" },
      observations: [
        {
          id: "hr",
          code: { codings: [{ system: "http://loinc.org", code: "8867-4", display: "Heart rate" }] },
          value: { value: { case: "quantity", value: { value: "80", unit: "beats/minute", code: "/min" } } },
        },
      ],
    });
    const answer = await client.summarize(typed, { includeFacts: true, language: "zh" });
    assert.equal(answer.language, "zh");
    assert(answer.sections.some((s) => s.facts.some((f) => f.evidence.join() === "Observation/hr")));
    assert(answer.sections.every((s) => s.sentences.every((t) => t.text !== "" && t.evidence.length > 0)));
    assert.notEqual(answer.notice, "");

    const pieces = [];
    for await (const piece of client.streamSummary(typed, { style: "brief", language: "zh" })) {
      pieces.push(piece);
    }
    const last = pieces.pop();
    assert(pieces.length > 0 && pieces.every((p) => p.section === "summary" && p.sentence !== undefined && p.sentence.evidence.length > 0));
    assert(last?.sentence === undefined && last?.summary?.notice === answer.notice && last.summary.model?.name !== "");
  });

  test("embed", async () => {
    const query = await client.embed(["low oxygen saturation"], "query");
    const passages = await client.embed(["体温正常。", "血氧饱和度下降至 88%。", "The patient slept well."], "passage");
    const [wanted] = query.embeddings;
    assert(wanted !== undefined && query.dimensions === 384 && wanted.values.length === 384);
    const dot = (values: number[]) => values.reduce((sum, v, i) => sum + v * (wanted.values[i] ?? NaN), 0);
    assert(Math.abs(dot(wanted.values) - 1) < 1e-4);
    const nearness = passages.embeddings.map((e) => dot(e.values));
    assert.equal(nearness.indexOf(Math.max(...nearness)), 1);
    assert.deepEqual(fields(await failure(client.embed(["well", ""], "query"), InvalidArgumentError)), ["texts[1]"]);
    const cut = await client.embed(["heart rate ".repeat(600)], "passage", { truncate: true });
    assert.deepEqual(cut.embeddings.map((e) => [e.truncated, e.tokens]), [[true, 512]]);
  });

  test("load, use by tensors, watch and unload a model", async () => {
    const name = "identity_fp32";
    const changes = client.watchModels([name]);
    const next = async () => (await changes.next()).value ?? assert.fail("the watch ended");
    const until = async (state: ModelState) => {
      while ((await next()).state !== state) {
        // a state on the way there
      }
    };
    assert.equal((await next()).state, ModelState.UNAVAILABLE);
    const loaded = await client.loadModel(name);
    assert.deepEqual(loaded.map((m) => [m.reference?.name, m.kind, m.state]), [[name, "tensors", ModelState.READY]]);
    await until(ModelState.READY);
    const answer = await client.inference.modelInfer({
      modelName: name,
      id: "one",
      inputs: [{ name: "INPUT0", datatype: "FP32", shape: [1n, 4n], contents: { fp32Contents: [1, 2, 3, 4] } }],
    });
    const [output] = answer.outputs;
    const raw = answer.rawOutputContents[0];
    assert(output !== undefined && raw !== undefined);
    assert.deepEqual([answer.id, output.name, output.datatype, output.shape], ["one", "OUTPUT0", "FP32", [1n, 4n]]);
    assert.deepEqual([...new Float32Array(raw.slice().buffer)], [1, 2, 3, 4]);
    await client.unloadModel(name);
    await until(ModelState.UNAVAILABLE);
    await changes.return();
    const error = await client.inference.modelInfer({ modelName: "none" }).catch((e: unknown) => toBedsideError(e));
    assert(error instanceof NotFoundError && error.requestId !== "");
  });

  test("models that cannot be loaded", async () => {
    assert.equal((await failure(client.loadModel("none"), NotFoundError)).reason, "MODEL_NOT_FOUND");
    assert.equal((await failure(client.loadModel("broken"), FailedPreconditionError)).reason, "MODEL_LOAD_FAILED");
    assert.deepEqual(fields(await failure(client.loadModel(""), InvalidArgumentError)), ["name"]);
  });

  test("models and health", async () => {
    const models = await client.listModels();
    const model = models.find((m) => m.reference?.name === "smollm2-135m-instruct");
    assert.equal(model?.state, ModelState.READY);
    assert(await client.health());
    assert(await client.health("bedside.v1.GenerationService"));
    await failure(client.health("none"), NotFoundError);
  });

  test("bad input names its fields", async () => {
    const error = await failure(client.generate("Hello", { topP: 3, maxTokens: -1, requestId: "by-caller" }), InvalidArgumentError);
    assert.deepEqual(fields(error), ["sampling.max_tokens", "sampling.top_p"]);
    assert(error.violations.every((v) => v.description !== ""));
    assert.deepEqual(
      [error.name, error.code, error.reason, error.requestId, error.retryAfterMs],
      ["InvalidArgumentError", Code.InvalidArgument, "INVALID_FIELD", "by-caller", undefined],
    );
    assert.match(error.message, /^INVALID_ARGUMENT: sampling\./);
    assert.deepEqual(fields(await failure(client.generate([]), InvalidArgumentError)), ["chat.messages"]);
    assert.deepEqual(fields(await failure(collect(client.stream("")), InvalidArgumentError)), ["prompt"]);
    const bundle = { resourceType: "Bundle", type: "collection", entry: 3 };
    assert.deepEqual(fields(await failure(client.summarize(bundle), InvalidArgumentError)), ["Bundle.entry"]);
    const missing = await failure(client.generate("Hello", { model: "none" }), NotFoundError);
    assert.equal(missing.reason, "MODEL_NOT_FOUND");
    assert.notEqual(missing.requestId, "");
  });

  test("deadlines", async () => {
    const error = await failure(client.generate(prompt, { ...endless, timeoutMs: 200 }), DeadlineExceededError);
    assert.notEqual(error.requestId, "");
    await failure(collect(client.stream(prompt, { ...endless, timeoutMs: 200 })), DeadlineExceededError);
    const hasty = new Client(server.address, { timeoutMs: 200 });
    try {
      await failure(hasty.generate(prompt, endless), DeadlineExceededError);
      assert.notEqual((await hasty.generate("Once", { maxTokens: 1, timeoutMs: null })).text, "");
    } finally {
      hasty.close();
    }
  });

  test("signals cancel", async () => {
    const aborted = AbortSignal.abort(new Error("no need"));
    await failure(client.generate(prompt, { signal: aborted }), CallCancelledError);
    const leaving = new AbortController();
    const pieces = client.stream(prompt, { ...endless, signal: leaving.signal });
    await pieces.next();
    leaving.abort();
    await failure(collect(pieces), CallCancelledError);
  });

  test("many calls at once", async () => {
    const alone = (await client.generate(prompt, { maxTokens: 6 })).text;
    const together = await Promise.all(Array.from({ length: 16 }, () => client.generate(prompt, { maxTokens: 6 })));
    assert.deepEqual(new Set(together.map((r) => r.text)), new Set([alone]));
  });

  test("the example runs", async () => {
    const example = fileURLToPath(new URL("../examples/ward-round.js", import.meta.url));
    const run = (record: string) => promisify(execFile)(process.execPath, [example, server.address, record]);
    const folder = mkdtempSync(`${tmpdir()}/bedside-`);
    writeFileSync(`${folder}/record.json`, JSON.stringify(heartRate));
    const { stdout, stderr } = await run(`${folder}/record.json`).finally(() => rmSync(folder, { recursive: true }));
    assert.match(stdout, /smollm2-135m-instruct .*: READY/);
    assert.match(stdout, /\[Observation\/hr\]/);
    assert.equal(stderr, "");
    await assert.rejects(run(`${root}testdata/records/bad/field-twice.json`), (e) => {
      assert(e instanceof Error && "stdout" in e && "code" in e);
      assert.match(String(e.stdout), /INVALID_ARGUMENT: .*\n {2}\S+: /);
      assert.equal(e.code, 1);
      return true;
    });
  });

  test("a stream that was left holds no process", async () => {
    const script = `
      import { Client } from "@bedside-lm/client";
      const client = new Client(${JSON.stringify(server.address)});
      for await (const piece of client.stream("Once upon a time", { maxTokens: 2000 })) break;
      client.close();`;
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const args = ["--input-type=module", "--eval", script];
    await promisify(execFile)(process.execPath, args, { cwd, timeout: 60_000 }); // rejects where it has to be killed
  });

  test("a closed client ends its calls", async () => {
    const closed = new Client(server.address);
    const pieces = closed.stream(prompt, endless);
    await pieces.next();
    closed.close();
    await failure(collect(pieces), CallCancelledError);
    await failure(closed.generate(prompt), CallCancelledError);
  });
});

// One place for a running request, one for a waiting one: who gets an answer in time shows that the call before has left.
describe("a server with one place", () => {
  let server: Server;
  let client: Client;
  before(async () => {
    server = await Server.start(["--embedding-model", "", "--slots", "1", "--max-queue-size", "1"]);
    client = new Client(server.address);
  });
  after(async () => {
    client.close();
    await server.stop();
  });
  const answers = () => client.generate("Hello", { maxTokens: 1, timeoutMs: 10_000 });

  test("leaving the loop ends the work", async () => {
    for await (const _ of client.stream(prompt, endless)) {
      break;
    }
    assert.equal((await answers()).usage?.completionTokens, 1);
  });

  test("a signal ends the work", async () => {
    const leaving = new AbortController();
    const whole = failure(client.generate(prompt, { ...endless, signal: leaving.signal }), CallCancelledError);
    setTimeout(() => leaving.abort(), 100);
    await whole;
    assert.equal((await answers()).usage?.completionTokens, 1);
  });

  test("a full queue says when to come back", async () => {
    const running = client.stream(prompt, endless);
    await running.next();
    const calls = Array.from({ length: 3 }, () => client.generate("Hello", { maxTokens: 1, timeoutMs: 5000 }));
    const settled = Promise.allSettled(calls);
    const error = await failure(Promise.race(calls), ResourceExhaustedError);
    await running.return();
    await settled;
    assert.equal(error.reason, "QUEUE_FULL");
    assert(error.retryAfterMs !== undefined && error.retryAfterMs > 0);
  });
});

test("calls wait for a server and outlive its restart", async () => {
  const flags = [...repository, "--model", "", "--embedding-model", ""];
  let server = await Server.start(flags);
  const client = new Client(server.address);
  const hasty = new Client(server.address, { waitForReady: false });
  try {
    const changes = client.watchModels(["simple"]);
    assert.equal((await changes.next()).value?.reference?.name, "simple");
    await hasty.listModels();
    await server.stop("SIGKILL");
    await failure(collect(changes), UnavailableError);
    await failure(hasty.listModels(), UnavailableError);
    assert.equal(await client.health(), false);
    await failure(client.listModels({ timeoutMs: 300 }), DeadlineExceededError);
    const watched = client.watchModels(["simple"]);
    const waiting = Promise.all([client.listModels(), client.loadModel("simple"), watched.next()]);
    server = await Server.start(flags, server.address);
    const [models, loaded, first] = await waiting;
    assert(models.length > 0 && loaded.length === 1 && first.value?.reference?.name === "simple");
    assert(await client.health());
    await watched.return();
  } finally {
    client.close();
    hasty.close();
    await server.stop();
  }
});
