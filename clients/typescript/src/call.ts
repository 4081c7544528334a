import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type CallOptions as ConnectOptions, type Interceptor } from "@connectrpc/connect";
import { connectionLost, deadlineExceeded, fromServer, neverConnected, requestIdKey, toBedsideError, type BedsideError } from "./errors.js";
import { readToken, type CallOptions, type ClientOptions } from "./options.js";

const maxAttempts = 4;
const firstBackoffMs = 200;
const maxBackoffMs = 5000;
const leastDelayMs = 10;

/** What a client's calls have in common. */
export interface Setting {
  readonly timeoutMs: number | null;
  readonly waitForReady: boolean;
  /** What ends the calls that run. Signals joined by AbortSignal.any would pile up in the client's. */
  readonly running: Set<AbortController>;
  closed: boolean;
}

/** Says with every call, those of generated clients too, who is calling and what for. What a call says itself wins. */
export function callerOf({ tenant, tokenFile, purpose }: ClientOptions): Interceptor {
  // Asynchronous, for Connect does not stop the deadline's timer of a call whose interceptor throws before it gives a promise:
  // a token file that cannot be read would keep the process from ending for as long.
  return (next) => async (request) => {
    const set = (name: string, value: () => string) => {
      if (!request.header.has(name)) {
        request.header.set(name, value());
      }
    };
    if (tenant) {
      set("bedside-tenant", () => tenant);
    }
    if (purpose) {
      set("x-purpose-of-use", () => purpose);
    }
    if (tokenFile) {
      set("authorization", () => `Bearer ${readToken(tokenFile)}`);
    }
    return next(request);
  };
}

/**
 * One call, through all its attempts: its id, its headers, and the time that is left.
 *
 * A full queue is answered RESOURCE_EXHAUSTED with the time to wait, and any call may be made again after it. A server that
 * was lost or is shutting down is UNAVAILABLE: calls that only read are made again. A server that was not reached at all is
 * waited for.
 */
export class Attempts {
  readonly requestId: string;
  private readonly headers: [string, string][];
  private readonly ends: number;
  private readonly controller = new AbortController();
  private readonly signal = this.controller.signal;
  private readonly leaving: AbortSignal | undefined;
  private made = 1;
  private waits = 0;

  constructor(
    private readonly setting: Setting,
    options: CallOptions,
    private readonly readsOnly: boolean,
  ) {
    const timeoutMs = options.timeoutMs === undefined ? setting.timeoutMs : options.timeoutMs;
    this.requestId = options.requestId ?? randomBytes(8).toString("hex");
    this.headers = [...Object.entries(options.headers ?? {}), [requestIdKey, this.requestId]];
    this.ends = timeoutMs === null ? Infinity : performance.now() + timeoutMs;
    this.leaving = options.signal;
    this.leaving?.addEventListener("abort", this.leave);
    setting.running.add(this.controller);
    if (setting.closed || this.leaving?.aborted) {
      this.leave();
    }
  }

  /** Cancels the call. */
  readonly leave = () => this.controller.abort(this.leaving?.reason ?? new Error("the call was left"));

  /** Lets go of the call, once, when it has ended. */
  end(): void {
    this.leaving?.removeEventListener("abort", this.leave);
    this.setting.running.delete(this.controller);
  }

  /** What the next attempt takes. */
  connectOptions(): ConnectOptions {
    const left = this.ends - performance.now();
    if (left <= 0) {
      throw deadlineExceeded(this.requestId);
    }
    // Connect takes 0 for "never": its default timeout would count where none is given.
    return { headers: this.headers, signal: this.signal, timeoutMs: Number.isFinite(left) ? Math.ceil(left) : 0 };
  }

  /** Returns after the pause before the next attempt, or throws what was `thrown` where it is the caller's to know. */
  async pause(thrown: unknown): Promise<void> {
    const error = this.describe(thrown);
    const delay = this.delay(error);
    const left = this.ends - performance.now();
    // A wait that would pass the deadline is not begun, but for a server's coming: the error says more than a late
    // DeadlineExceededError.
    if (delay === undefined || (delay >= left && !neverConnected(error))) {
      throw error;
    }
    try {
      await sleep(Math.min(delay, Math.max(left, 0)), undefined, { signal: this.signal });
    } catch (aborted) {
      throw this.describe(new ConnectError("the call was cancelled", Code.Canceled, undefined, undefined, aborted));
    }
  }

  /** The error for what an attempt threw. */
  describe(thrown: unknown): BedsideError {
    const error = toBedsideError(thrown, this.requestId);
    // A cancellation that neither side asked for is a stream that was reset: by the server at the deadline, where that is
    // faster than the timer here, or by the end of the connection.
    if (error.code === Code.Canceled && !this.signal.aborted && !fromServer(error)) {
      return performance.now() >= this.ends ? deadlineExceeded(this.requestId) : connectionLost(error.cause, this.requestId);
    }
    return error;
  }

  private delay(error: BedsideError): number | undefined {
    if (neverConnected(error)) {
      return this.setting.waitForReady ? backoff(this.waits++) : undefined;
    }
    if (this.made >= maxAttempts) {
      return undefined;
    }
    if (error.code === Code.ResourceExhausted && error.retryAfterMs !== undefined) {
      this.made++;
      // Up to a quarter more, so that those turned down together do not return together.
      return Math.max(error.retryAfterMs, leastDelayMs) * (1 + Math.random() / 4);
    }
    if (error.code === Code.Unavailable && this.readsOnly) {
      return backoff(this.made++ - 1);
    }
    return undefined;
  }
}

/** Milliseconds before another try, the first being number 0; a fifth more or less, at random (gRFC A6). */
function backoff(number: number): number {
  return Math.min(firstBackoffMs * 2 ** Math.min(number, 16), maxBackoffMs) * (0.8 + Math.random() * 0.4);
}
