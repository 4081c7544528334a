import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BedsideError,
  CallCancelledError,
  Client,
  PermissionDeniedError,
  ResourceExhaustedError,
  toBedsideError,
  UnauthenticatedError,
  UnimplementedError,
} from "../src/index.js";
import { failing, queueFull, Scripted } from "./scripted.js";

const calls: Record<string, (client: Client) => Promise<string>> = {
  generate: async (client) => (await client.generate("x", { timeoutMs: 60_000 })).text,
  stream: async (client) => {
    let text = "";
    for await (const piece of client.stream("x", { timeoutMs: 60_000 })) {
      text += piece.text;
    }
    return text;
  },
};

const error = (code: Code) => new ConnectError("as scripted", code);
const cases: [name: string, error: ConnectError, failures: number, attempts: number][] = [
  ["full twice", queueFull(0.01), 2, 3],
  ["full for good", queueFull(0.01), 9, 4],
  ["full beyond the deadline", queueFull(3600), 9, 1],
  ["exhausted without a hint", error(Code.ResourceExhausted), 9, 1],
  ["unavailable once", error(Code.Unavailable), 1, 2],
  ["bad", error(Code.InvalidArgument), 9, 1],
  ["internal", error(Code.Internal), 9, 1],
  ["cancelled by the server", error(Code.Canceled), 9, 1],
];

for (const [kind, call] of Object.entries(calls)) {
  for (const [name, thrown, failures, attempts] of cases) {
    test(`${kind}: ${name}`, () =>
      Scripted.with(failing(failures, thrown), async (server) => {
        const client = new Client(server.address);
        try {
          if (attempts > failures) {
            assert.equal(await call(client), "after x");
          } else {
            await assert.rejects(call(client), (e) => e instanceof BedsideError && e.code === thrown.code);
          }
          assert.equal(server.attempts, attempts);
          const ids = new Set(server.headers.map((h) => h.get("x-request-id")));
          assert.equal(ids.size, 1, "a call has one id through all its attempts");
        } finally {
          client.close();
        }
      }));
  }
}

test("what a full queue says", () =>
  Scripted.with(failing(1, queueFull(1.5)), async (server) => {
    const client = new Client(server.address);
    await assert.rejects(client.generate("x", { timeoutMs: 1000 }), (e) => {
      assert(e instanceof ResourceExhaustedError);
      assert.deepEqual([e.retryAfterMs, e.reason, e.violations], [1500, "QUEUE_FULL", []]);
      return true;
    });
    client.close();
  }));

test("a wait ends with its signal and with its client", () =>
  Scripted.with(failing(9, queueFull(100)), async (server) => {
    const client = new Client(server.address, { timeoutMs: null });
    const leaving = new AbortController();
    const first = client.generate("x", { signal: leaving.signal });
    const second = client.generate("x");
    const settled = Promise.allSettled([first, second]);
    while (server.attempts < 2) {
      await new Promise(setImmediate);
    }
    leaving.abort();
    await assert.rejects(first, CallCancelledError);
    client.close();
    await assert.rejects(second, CallCancelledError);
    await settled;
    assert.equal(server.attempts, 2);
  }));

test("metadata that is sent", () =>
  Scripted.with(failing(0, error(Code.Internal)), async (server) => {
    const client = new Client(server.address, { tenant: "ward-3" });
    await client.generate("x", { requestId: "r-1", headers: { authorization: "Bearer t" } });
    await client.generate("x");
    const [first, second] = server.headers;
    const sent = ["x-request-id", "authorization", "bedside-tenant"].map((k) => first?.get(k));
    assert.deepEqual(sent, ["r-1", "Bearer t", "ward-3"]);
    assert.match(second?.get("x-request-id") ?? "", /^[0-9a-f]{16}$/);
    client.close();
  }));

test("the caller that is sent", () =>
  Scripted.with(failing(0, error(Code.Internal)), async (server) => {
    const folder = mkdtempSync(join(tmpdir(), "bedside-"));
    const tokenFile = join(folder, "token");
    const client = new Client(server.address, { tokenFile, purpose: "TREAT" });
    try {
      writeFileSync(tokenFile, "one\n");
      await client.generate("x");
      writeFileSync(tokenFile, "renewed");
      await client.generate("x");
      await client.generate("x", { headers: { authorization: "Bearer own" } });
      assert.deepEqual(
        server.headers.map((h) => h.get("authorization")),
        ["Bearer one", "Bearer renewed", "Bearer own"],
      );
      assert.equal(server.headers[0]?.get("x-purpose-of-use"), "TREAT");
      writeFileSync(tokenFile, "two words");
      await assert.rejects(client.generate("x"), (e: Error) => /one token and nothing else/.test(e.message) && !/two words/.test(e.message));
    } finally {
      client.close();
      rmSync(folder, { recursive: true });
    }
  }));

test("callers that are refused", async () => {
  for (const [code, kind] of [
    [Code.Unauthenticated, UnauthenticatedError],
    [Code.PermissionDenied, PermissionDeniedError],
  ] as const) {
    await Scripted.with(failing(1, error(code)), async (server) => {
      const client = new Client(server.address);
      await assert.rejects(client.generate("x"), kind);
      client.close();
    });
  }
});

test("services that are not there, and errors of generated clients", () =>
  Scripted.with(failing(0, error(Code.Internal)), async (server) => {
    const client = new Client(server.address);
    await assert.rejects(client.listModels(), UnimplementedError);
    await assert.rejects(client.inference.serverLive({}), (e) => {
      assert(e instanceof ConnectError && toBedsideError(e) instanceof UnimplementedError);
      return true;
    });
    client.close();
  }));
