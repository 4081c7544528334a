import { createServer } from "node:http2";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { GenerationService, PreparationService, type GenerateRequest } from "../src/v1.js";

/** What a script sees of a request. */
export type Asked = Pick<GenerateRequest, "input">;

/** Answers an attempt, the first being number 1, with a text, or throws. */
export type Script = (attempt: number, request: Asked, context: HandlerContext) => string | Promise<string>;

const noText: Asked = { input: { case: undefined } };

/** A server that answers as a test says, for what the real one cannot be told to do. */
export class Scripted {
  readonly headers: Headers[] = [];
  address = "";
  private readonly server;

  private constructor(script: Script) {
    const next = (request: Asked, context: HandlerContext) => {
      this.headers.push(context.requestHeader);
      return script(this.headers.length, request, context);
    };
    const handler = connectNodeAdapter({
      routes: (router) =>
        router
          .service(GenerationService, {
            generate: async (request, context) => ({ text: await next(request, context) }),
            streamGenerate: async function* (request, context) {
              yield { text: await next(request, context) };
            },
          })
          .service(PreparationService, {
            prepareRecords: async function* (requests, context) {
              await next(noText, context);
              for await (const { requestId } of requests) {
                yield { requestId };
              }
            },
            describeSignal: async ({ language }, context) => {
              await next(noText, context);
              return { language };
            },
          }),
    });
    this.server = createServer(handler);
  }

  get attempts(): number {
    return this.headers.length;
  }

  /** Runs `work` while a server answers by `script`. */
  static async with(script: Script, work: (server: Scripted) => Promise<void>): Promise<void> {
    const scripted = new Scripted(script);
    const sessions = new Set<{ destroy(): void }>();
    scripted.server.on("session", (session) => sessions.add(session));
    scripted.server.listen(0, "127.0.0.1");
    await once(scripted.server, "listening");
    scripted.address = `127.0.0.1:${(scripted.server.address() as AddressInfo).port}`;
    try {
      await work(scripted);
    } finally {
      scripted.server.close();
      sessions.forEach((session) => session.destroy());
    }
  }
}

/** A refusal as Bedside's when its queue is full. */
export function queueFull(seconds: number): ConnectError {
  const retryDelay = { seconds: BigInt(Math.floor(seconds)), nanos: Math.round((seconds % 1) * 1e9) };
  return new ConnectError("as scripted", Code.ResourceExhausted, undefined, [
    { desc: ErrorInfoSchema, value: { domain: "bedside", reason: "QUEUE_FULL" } },
    { desc: RetryInfoSchema, value: { retryDelay } },
  ]);
}

/** Fails so many times, then answers. */
export function failing(times: number, error: ConnectError): Script {
  return (attempt, request) => {
    if (attempt <= times) {
      throw error;
    }
    return `after ${request.input.value as string}`;
  };
}
