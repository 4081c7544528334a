/**
 * The TypeScript client of a Bedside server.
 *
 * Requests are plain values; answers are the protocol's messages, which "@bedside-lm/client/v1" has with their schemas.
 */
export { Client } from "./client.js";
export type { CallOptions, ClientOptions, GenerateOptions, PrepareOptions, TextForm } from "./options.js";
export type { ChatMessage, Prompt, RecordInput, Records, SignalInput, Style, SummaryOptions, TextKind } from "./requests.js";
export {
  BedsideError,
  CallCancelledError,
  DeadlineExceededError,
  FailedPreconditionError,
  InternalError,
  InvalidArgumentError,
  NotFoundError,
  PermissionDeniedError,
  ResourceExhaustedError,
  toBedsideError,
  UnauthenticatedError,
  UnavailableError,
  UnimplementedError,
  type Violation,
} from "./errors.js";
export { FinishReason } from "./gen/bedside/v1/generation_pb.js";
export { ModelState } from "./gen/bedside/v1/model_pb.js";
export { SentenceOrigin } from "./gen/bedside/v1/clinical_pb.js";
