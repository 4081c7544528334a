import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { SecureClientSessionOptions } from "node:http2";

/** Milliseconds that a call may take which names no timeout of its own. */
export const defaultTimeoutMs = 300_000;

/** The largest request and answer: a record of 64 MiB, with room for what JSON in a string costs. */
export const maxMessageBytes = 96 << 20;

/** How a client connects. */
export interface ClientOptions {
  /** Milliseconds that a call may take which names no timeout of its own; null for no limit. Unset: 300,000. */
  readonly timeoutMs?: number | null;
  /**
   * Unset: what leaves this machine is encrypted. True: always; false: never, which has to be asked for, since records are
   * patient data. Options of Node's TLS encrypt with them: `ca`, and `cert` and `key` of a client.
   */
  readonly tls?: boolean | SecureClientSessionOptions;
  /** Whether calls wait, within their timeout, until the server can be reached; else they fail at once. Unset: true. */
  readonly waitForReady?: boolean;
  /** Whom the server counts the calls for, where several share it and it does not ask who is calling. */
  readonly tenant?: string;
  /** A file with a token or an API key to send, read for every call, so that it may be renewed there. */
  readonly tokenFile?: string;
  /** What the calls are for, for the server's audit: a code of HL7 v3's PurposeOfUse, such as TREAT. */
  readonly purpose?: string;
}

/** What every call takes beside its request. */
export interface CallOptions {
  /** Milliseconds until the call fails with DeadlineExceededError; null for never. Unset: the client's. */
  readonly timeoutMs?: number | null;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** The call's id in the server's log: up to 64 letters, digits, dots, dashes and underscores. Unset: a random one. */
  readonly requestId?: string;
  /** Further metadata to send. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a text is written. All unset: greedy decoding by the server's default model. */
export interface GenerateOptions extends CallOptions {
  readonly model?: string;
  /** Most tokens to write. Unset: 256, or what is left of the model's context. */
  readonly maxTokens?: number;
  /** 0 takes the likeliest token each time; 1 draws from the model's own distribution. */
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  /** The same seed, request and model give the same text. Unset: one is drawn. */
  readonly seed?: bigint;
  /** The text ends before the first of these. */
  readonly stop?: readonly string[];
  readonly repetitionPenalty?: number;
  /** Report this many likeliest alternatives of each token. */
  readonly logprobs?: number;
  /** The form that the text has; `constraintMet` in the answer is false where maxTokens or a stop string cut it off. */
  readonly constraint?: TextForm;
}

/** A form of texts: one of several; what a regular expression of Go's syntax matches as a whole; JSON by a schema, which is text or parsed. */
export type TextForm =
  | { readonly choices: readonly string[] }
  | { readonly regex: string }
  | { readonly jsonSchema: string | boolean | Readonly<Record<string, unknown>> };

/** What is done to a record and what comes back. All unset: all stages, no gaps filled, the record and its reports. */
export interface PrepareOptions extends CallOptions {
  /** Of `units`, `clock`, `duplicates`, `plausibility`, `artefacts` and `gaps`. */
  readonly skipStages?: readonly string[];
  /** Step in minutes of the grid on which gaps are filled; 0 fills none. */
  readonly fillIntervalMinutes?: number;
  /** Also the readings as they were filed, where they were changed or merged away. */
  readonly includeRaw?: boolean;
  readonly includeFeatures?: boolean;
  readonly includeVector?: boolean;
  /** Also the record in words. */
  readonly text?: {
    readonly language?: "en" | "zh";
    readonly compact?: boolean;
    readonly tokenBudget?: number;
    readonly relativeTimes?: boolean;
  };
}

const maxTokenBytes = 64 << 10;

/** The token in a file that holds nothing else. Errors do not quote it. */
export function readToken(path: string): string {
  const text = readFileSync(path, "latin1");
  const token = text.trim();
  if (text.length > maxTokenBytes || !/^[!-~]+$/.test(token)) {
    throw new TypeError(`${path} does not hold one token and nothing else`);
  }
  return token;
}

/** The URL of `target`, which is `host:port` or a URL, and whether it is encrypted. */
export function serverUrl(target: string, tls: ClientOptions["tls"]): URL {
  const given = /^https?:\/\//.exec(target)?.[0];
  const url = new URL(given === undefined ? `http://${target}` : target);
  if (url.hostname === "" || (url.pathname !== "/" && given === undefined)) {
    throw new TypeError(`target is ${JSON.stringify(target)}, must be host:port or a URL`);
  }
  const encrypted = tls === undefined ? (given ?? (isLocal(url.hostname) ? "http://" : "https://")) === "https://" : tls !== false;
  // URL leaves out the port that is http's own.
  const port = given === undefined ? /:(\d+)$/.exec(target)?.[1] : url.port || (given === "https://" ? "443" : "80");
  if (port === undefined) {
    throw new TypeError(`target is ${JSON.stringify(target)}, must have a port`);
  }
  return new URL(`${encrypted ? "https" : "http"}://${url.hostname}:${port}`);
}

/** Whether a host is this machine. A name other than localhost is not looked up: what it resolves to can change. */
function isLocal(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
