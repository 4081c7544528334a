import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** The metadata key of a call's id, in the request and in the answer. */
export const requestIdKey = "x-request-id";

/** One field of a request that the server turned down. */
export interface Violation {
  /** The field's path, such as `sampling.max_tokens` or `Bundle.entry[3].resource.valueQuantity.value`. */
  readonly field: string;
  /** What is wrong and what is expected. */
  readonly description: string;
}

/**
 * A call that failed. Its subclasses stand for the gRPC codes that callers tell apart; others give this one. Neither the
 * text nor any field holds what was asked. `cause` is Connect's error.
 */
export class BedsideError extends Error {
  /** The gRPC code. */
  readonly code: Code;
  /** The call's id, by which the server's log knows it. */
  readonly requestId: string;
  /** The machine-readable cause, such as `QUEUE_FULL` (google.rpc.ErrorInfo); empty where the server gave none. */
  readonly reason: string;
  /** What is wrong with the request, field by field (google.rpc.BadRequest). */
  readonly violations: readonly Violation[];
  /**
   * Milliseconds that the server asks to wait before the call is made again (google.rpc.RetryInfo). The client has already
   * waited and tried again by itself where the call's deadline allowed for it.
   */
  readonly retryAfterMs: number | undefined;

  constructor(error: ConnectError, requestId: string) {
    super(`${codeName(error.code)}: ${error.rawMessage}`, { cause: error });
    this.name = new.target.name;
    this.code = error.code;
    this.requestId = error.metadata.get(requestIdKey) ?? requestId;
    this.reason = error.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
    this.violations = error
      .findDetails(BadRequestSchema)
      .flatMap((d) => d.fieldViolations.map(({ field, description }) => ({ field, description })));
    this.retryAfterMs = retryAfter(error);
  }
}

/** The request breaks a rule, or a record cannot be read: `violations` says where. */
export class InvalidArgumentError extends BedsideError {}
/** There is no model or service of that name. */
export class NotFoundError extends BedsideError {}
/** The server is not set up for this call, such as loading a model where models are not loaded by call. */
export class FailedPreconditionError extends BedsideError {}
/** The queue is full (`retryAfterMs` says for how long), or a message is larger than allowed. */
export class ResourceExhaustedError extends BedsideError {}
/** The server cannot be reached, was lost, is shutting down, or the model is not ready. */
export class UnavailableError extends BedsideError {}
/** The call's timeout passed before the answer was there. */
export class DeadlineExceededError extends BedsideError {}
/** The call was cancelled: its signal was aborted, or its client was closed while it waited. */
export class CallCancelledError extends BedsideError {}
/** The server does not know this call. */
export class UnimplementedError extends BedsideError {}
/** The server does not know who is calling. */
export class UnauthenticatedError extends BedsideError {}
/** The server knows the caller, who may not do this. */
export class PermissionDeniedError extends BedsideError {}
/** The server failed; its log says more under the request's id. */
export class InternalError extends BedsideError {}

const byCode = new Map<Code, typeof BedsideError>([
  [Code.InvalidArgument, InvalidArgumentError],
  [Code.NotFound, NotFoundError],
  [Code.FailedPrecondition, FailedPreconditionError],
  [Code.ResourceExhausted, ResourceExhaustedError],
  [Code.Unavailable, UnavailableError],
  [Code.DeadlineExceeded, DeadlineExceededError],
  [Code.Canceled, CallCancelledError],
  [Code.Unimplemented, UnimplementedError],
  [Code.Unauthenticated, UnauthenticatedError],
  [Code.PermissionDenied, PermissionDeniedError],
  [Code.Internal, InternalError],
]);

/** The error for what a call of a generated client threw; `requestId` is the id that was sent, if any. */
export function toBedsideError(thrown: unknown, requestId = ""): BedsideError {
  if (thrown instanceof BedsideError) {
    return thrown;
  }
  const error = ConnectError.from(thrown);
  // Connect has several codes for a connection that broke; gRPC has one, which says that trying again may help.
  if (error.code !== Code.Unavailable && systemCodes(error).some((code) => connecting.has(code) || lost.has(code))) {
    return connectionLost(error, requestId);
  }
  return new (byCode.get(error.code) ?? BedsideError)(error, requestId);
}

/** The error of a call whose time is over. */
export function deadlineExceeded(requestId: string): BedsideError {
  return new DeadlineExceededError(new ConnectError("the deadline passed", Code.DeadlineExceeded), requestId);
}

/** The error of a call whose connection broke. */
export function connectionLost(cause: unknown, requestId: string): BedsideError {
  const error = new ConnectError("the connection to the server was lost", Code.Unavailable, undefined, undefined, cause);
  return new UnavailableError(error, requestId);
}

/** Whether the server itself gave the error: it then came with metadata. */
export function fromServer(error: BedsideError): boolean {
  return error.cause instanceof ConnectError && !error.cause.metadata.keys().next().done;
}

/** Whether the call never reached a server, so that it can be made again whatever it does. */
export function neverConnected(error: BedsideError): boolean {
  return error.code === Code.Unavailable && systemCodes(error).some((code) => connecting.has(code));
}

const connecting = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "EHOSTDOWN"]);
const lost = new Set(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_HTTP2_SESSION_ERROR", "ERR_HTTP2_GOAWAY_SESSION"]);

/** Node's codes of an error and of what caused it. */
function systemCodes(error: unknown): string[] {
  const codes: string[] = [];
  for (let depth = 0; error instanceof Error && depth < 8; depth++, error = error.cause) {
    if ("code" in error && typeof error.code === "string") {
      codes.push(error.code);
    }
  }
  return codes;
}

function retryAfter(error: ConnectError): number | undefined {
  const info = error.findDetails(RetryInfoSchema)[0];
  if (info === undefined) {
    return undefined;
  }
  const delay = info.retryDelay;
  return delay === undefined ? 0 : Math.max(Number(delay.seconds) * 1000 + delay.nanos / 1e6, 0);
}

/** A code as the specification writes it, such as INVALID_ARGUMENT; Connect spells CANCELLED with one L. */
function codeName(code: Code): string {
  if (code === Code.Canceled) {
    return "CANCELLED";
  }
  return (Code[code] ?? "Unknown").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
