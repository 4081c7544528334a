import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  CallCancelledError,
  Client,
  DeadlineExceededError,
  InvalidArgumentError,
  UnavailableError,
  type RecordInput,
  type Records,
} from "../src/index.js";
import {
  PatientRecordSchema,
  RecordSourceSchema,
  WfdbRecordSchema,
  type PreparedRecord,
  type PrepareRecordsResponse,
} from "../src/v1.js";
import { failing, Scripted } from "./scripted.js";
import { root, Server } from "./server.js";

const read = (path: string) => readFileSync(`${root}testdata/${path}`, "utf8");
const fhir = read("records/sepsis-ward.fhir.json");
const hl7 = read("records/sepsis-ward.hl7");
const parsed = JSON.parse(fhir) as { resourceType: string };
const broken = {
  resourceType: "Bundle",
  type: "collection",
  entry: [{ resource: { resourceType: "Patient", id: "p", gender: "Not said yet" } }],
};
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
const csv = { data: read("records/vitals.csv"), mapping: read("records/vitals.mapping.yaml") };
const table = create(RecordSourceSchema, { source: { case: "csv", value: csv } });
// What is parsed has lost the last zeros of its decimals, so it is held against what it is sent as.
const mixed: readonly RecordInput[] = [JSON.stringify(parsed), parsed, broken, hl7, typed, table];
const stages = ["units", "clock", "duplicates", "plausibility", "artefacts"];

async function collect<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const piece of pieces) {
    all.push(piece);
  }
  return all;
}

function prepared(answer: PrepareRecordsResponse | undefined | void): PreparedRecord {
  assert(answer?.result.case === "prepared", `${answer?.result.case} is no prepared record`);
  return answer.result.value;
}

const ran = (record: PreparedRecord) => record.reports.map((r) => r.stage);
const kinds = (answers: readonly PrepareRecordsResponse[]) => answers.map((a) => a.result.case);

function checkMixed(answers: readonly PrepareRecordsResponse[]) {
  assert.deepEqual(kinds(answers), ["prepared", "prepared", "failure", "prepared", "prepared", "prepared"]);
  const text = prepared(answers[0]);
  assert.deepEqual(ran(text), stages);
  assert(text.reports.every((r) => r.source !== ""));
  assert.deepEqual(text, prepared(answers[1]));
  assert(text.text === undefined && text.features === undefined);
  const failure = answers[2]?.result.value;
  assert(failure?.$typeName === "bedside.v1.PreparationFailure");
  assert.equal(failure.code, Code.InvalidArgument);
  assert.deepEqual(failure.problems.map((p) => p.path), ["Bundle.entry[0].resource.gender"]);
  assert(failure.problems.every((p) => p.message !== "" && !p.message.includes("Not said")));
  assert.equal(prepared(answers[3]).record?.observations.length, 7);
  assert.deepEqual(prepared(answers[4]).record?.observations.map((o) => o.id), ["hr"]);
  assert.equal(prepared(answers[5]).record?.patient?.id, "bed-7");
}

/** Records without end, and whether they were told to end. */
function endless() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const records = async function* () {
    try {
      for (;;) {
        yield fhir;
      }
    } finally {
      end();
    }
  };
  return { records: records(), ended };
}

/** A WAV file of 16 bits: a second of 440 Hz at half of full scale. */
function tone(): Uint8Array {
  const rate = 8000;
  const file = Buffer.alloc(44 + 2 * rate);
  file.write("RIFF", 0);
  file.writeUInt32LE(file.length - 8, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20); // PCM
  file.writeUInt16LE(1, 22); // of one channel
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(2 * rate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(2 * rate, 40);
  for (let i = 0; i < rate; i++) {
    file.writeInt16LE(Math.round(16384 * Math.sin((2 * Math.PI * 440 * i) / rate)), 44 + 2 * i);
  }
  return file;
}

// No model is needed for any of it.
describe("records and signals", () => {
  let server: Server;
  let client: Client;
  before(async () => {
    server = await Server.start(["--model", "", "--embedding-model", ""]);
    client = new Client(server.address);
  });
  after(async () => {
    client.close();
    await server.stop();
  });

  test("records of all kinds in one stream", async () => {
    checkMixed(await collect(client.prepare(mixed)));
    checkMixed(await collect(client.prepare(mixed.values(), { timeoutMs: 60_000 })));
    assert.deepEqual(await collect(client.prepare([])), []);
  });

  test("records of an async source, each answered before the next is given", async () => {
    let answered = () => {};
    const coming = async function* () {
      for (const record of mixed) {
        const turn = new Promise<void>((resolve) => (answered = resolve));
        yield record;
        await turn;
      }
    };
    const answers: PrepareRecordsResponse[] = [];
    for await (const answer of client.prepare(coming())) {
      answers.push(answer);
      answered();
    }
    checkMixed(answers);
  });

  test("options", async () => {
    const options = { skipStages: ["units", "gaps"], fillIntervalMinutes: 60, includeFeatures: true, includeRaw: true };
    const [answer] = await collect(client.prepare([fhir], { ...options, text: { language: "zh", compact: true } }));
    const record = prepared(answer);
    assert.deepEqual(ran(record), ["clock", "duplicates", "plausibility", "artefacts"]);
    assert(record.text?.language === "zh" && record.text.text !== "");
    const [full] = await collect(client.prepare([fhir], { ...options, text: { language: "zh" } }));
    assert.notEqual(prepared(full).text?.text, record.text.text);
    assert(record.features !== undefined && record.features.schema !== "");
    assert(record.features.values.some((f) => f.value !== undefined));
    assert(record.features.values.some((f) => f.value === undefined));
    const [refused] = await collect(client.prepare([fhir], { skipStages: ["magic"], fillIntervalMinutes: -1 }));
    const failure = refused?.result.value;
    assert(failure?.$typeName === "bedside.v1.PreparationFailure");
    assert.deepEqual(failure.problems.map((p) => p.path).sort(), ["options.fill_interval_minutes", "options.skip_stages[0]"]);
    const [plain] = await collect(client.prepare([table]));
    const [filled] = await collect(client.prepare([table], { fillIntervalMinutes: 5, includeRaw: true }));
    assert.deepEqual(ran(prepared(filled)), [...stages, "gaps"]);
    assert((prepared(filled).record?.observations.length ?? 0) > (prepared(plain).record?.observations.length ?? 0));
  });

  test("one record is no list of records", async () => {
    await assert.rejects(collect(client.prepare(fhir)), /^TypeError: records is one record/);
    await assert.rejects(collect(client.prepare(typed as unknown as Records)), TypeError);
  });

  test("leaving early reads no more records", async () => {
    const leaving = endless();
    for await (const answer of client.prepare(leaving.records)) {
      prepared(answer);
      break;
    }
    await leaving.ended;
    const aborted = endless();
    const controller = new AbortController();
    const answers = client.prepare(aborted.records, { signal: controller.signal });
    prepared((await answers.next()).value);
    controller.abort();
    await assert.rejects(collect(answers), CallCancelledError);
    await aborted.ended;
    assert.deepEqual(await collect(answers), []);
    const late = endless();
    await assert.rejects(collect(client.prepare(late.records, { timeoutMs: 200 })), DeadlineExceededError);
    await late.ended;
    assert.equal((await collect(client.prepare([fhir]))).length, 1);
  });

  test("a client that does not read is held up", async () => {
    let given = 0;
    const records = function* () {
      for (; given < 20_000; given++) {
        yield fhir;
      }
    };
    const answers = client.prepare(records());
    prepared((await answers.next()).value);
    for (let before = -1; before < given; ) {
      before = given;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert(given < 5_000, `${given} records were taken`);
    await answers.return();
  });

  test("an error of the records comes as it is, after the answers to those before", async () => {
    const gone = new Error("the disk is gone");
    const sources: [name: string, records: () => Records, thrown: unknown][] = [
      ["of an iterable", function* () { yield fhir; throw gone; }, gone],
      ["of an async iterable", async function* () { yield fhir; throw gone; }, gone],
      ["that is no Error", function* () { yield fhir; throw undefined; }, undefined],
    ];
    for (const [name, records, thrown] of sources) {
      const answers = client.prepare(records());
      prepared((await answers.next()).value);
      let caught: unknown = "nothing";
      await answers.next().catch((error: unknown) => (caught = error));
      assert.equal(caught, thrown, name);
      assert.deepEqual(await collect(answers), [], name);
    }
    const circle: Record<string, unknown> & { resourceType: string } = { resourceType: "Bundle" };
    circle["entry"] = circle;
    for (const bad of [circle, 7 as unknown as RecordInput]) {
      const answers = client.prepare([fhir, bad]);
      prepared((await answers.next()).value);
      await assert.rejects(answers.next(), TypeError);
    }
  });

  test("a sound", async () => {
    const wav = { case: "wav", value: tone() } as const;
    const english = await client.describeSignal(wav);
    const [sound] = english.descriptions;
    assert(sound !== undefined && english.language === "en" && sound.kind === "sound");
    assert(sound.sentences.length > 0 && sound.limits.length > 0 && english.notice !== "");
    const duration = sound.findings.find((f) => f.key === "duration");
    assert(duration !== undefined && duration.unit === "s");
    assert(duration.value.case === "number" && Math.abs(duration.value.value - 1) < 1e-6);
    const [chinese] = (await client.describeSignal(wav, { language: "zh" })).descriptions;
    assert.deepEqual(chinese?.findings.map((f) => f.key), sound.findings.map((f) => f.key));
    assert.notDeepEqual(chinese?.sentences, sound.sentences);
  });

  test("a waveform", async () => {
    const bytes = (name: string) => readFileSync(`${root}testdata/signals/${name}`);
    const files = [{ name: "ward.dat", data: bytes("ward.dat") }];
    const answer = await client.describeSignal(create(WfdbRecordSchema, { header: bytes("ward.hea"), files }));
    assert(answer.descriptions.some((d) => d.kind === "ecg" && d.findings.length > 0 && d.sentences.length > 0));
  });

  test("signals that cannot be read", async () => {
    const refused = async (...call: Parameters<Client["describeSignal"]>) => {
      try {
        await client.describeSignal(...call);
      } catch (error) {
        assert(error instanceof InvalidArgumentError && error.violations.length > 0, String(error));
        return error;
      }
      return assert.fail("the signal was read");
    };
    assert.doesNotMatch(JSON.stringify((await refused({ case: "wav", value: Buffer.from("no sound") })).violations), /no sound/);
    await refused({ case: "wav", value: tone().subarray(0, 40) });
    await refused({ case: undefined });
    const french = await refused({ case: "wav", value: tone() }, { language: "fr" });
    assert.deepEqual(french.violations.map((v) => v.field), ["language"]);
  });

  test("the example of the README", async () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const [, example] = /^## Records and signals$.*?^```ts\n(.*?)^```$/ms.exec(readme) ?? assert.fail("there is none");
    const folder = mkdtempSync(`${tmpdir()}/bedside-`);
    for (const file of ["records/vitals.csv", "records/vitals.mapping.yaml", "signals/ward.hea", "signals/ward.dat"]) {
      copyFileSync(`${root}testdata/${file}`, `${folder}/${file.replace(/.*\//, "")}`);
    }
    writeFileSync(`${folder}/patient.fhir.json`, fhir);
    writeFileSync(`${folder}/patient.hl7`, hl7);
    const code = `process.chdir(${JSON.stringify(folder)});\n${example?.replace("127.0.0.1:8001", server.address)}`;
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], { cwd, timeout: 60_000 });
    const { stdout } = await run.finally(() => rmSync(folder, { recursive: true }));
    assert.equal(stdout.match(/^duplicates /gm)?.length, 3);
    assert.equal(stdout.match(/^gaps /gm)?.length, 3);
    assert.match(stdout, /^Bundle empty record/m);
    assert.match(stdout, /^ecg /m);
  });
});

test("a stream of records is not tried again", () =>
  Scripted.with(failing(2, new ConnectError("as scripted", Code.Unavailable)), async (server) => {
    const client = new Client(server.address);
    for (const records of [1, 100]) {
      await assert.rejects(collect(client.prepare(Array.from({ length: records }, () => fhir))), UnavailableError);
    }
    assert.equal(server.attempts, 2);
    client.close();
  }));

test("a signal is tried again, and a stream of records has no timeout", () =>
  Scripted.with(failing(2, new ConnectError("as scripted", Code.Unavailable)), async (server) => {
    const client = new Client(server.address);
    assert.equal((await client.describeSignal({ case: "wav", value: tone() }, { language: "zh" })).language, "zh");
    assert.equal(server.attempts, 3);
    assert.deepEqual(await collect(client.prepare([])), []);
    assert.deepEqual(server.headers.map((h) => h.has("grpc-timeout")), [true, true, true, false]);
    client.close();
  }));
