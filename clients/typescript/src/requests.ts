import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { PatientRecord } from "./gen/bedside/v1/record_pb.js";
import { SummarizeRecordRequestSchema } from "./gen/bedside/v1/clinical_pb.js";
import { EmbeddingKind, EmbedRequestSchema } from "./gen/bedside/v1/embedding_pb.js";
import { GenerateRequestSchema, ScoreRequestSchema, TokenizeRequestSchema } from "./gen/bedside/v1/generation_pb.js";
import type { GenerateOptions } from "./options.js";

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A text to continue as it stands, or the messages of a chat, which go through the model's template. */
export type Prompt = string | readonly ChatMessage[];

/** A FHIR R4 Bundle or resource, as JSON text or parsed; or the typed record. */
export type RecordInput = string | PatientRecord | { readonly resourceType: string };

/** What the texts of an `embed` call are for. */
export type TextKind = "query" | "passage";

const kinds: Readonly<Record<TextKind, EmbeddingKind>> = { query: EmbeddingKind.QUERY, passage: EmbeddingKind.PASSAGE };

function chat(messages: readonly ChatMessage[]) {
  return { case: "chat" as const, value: { messages: [...messages] } };
}

function input(prompt: Prompt) {
  return typeof prompt === "string" ? { case: "prompt" as const, value: prompt } : chat(prompt);
}

export function generateRequest(prompt: Prompt, options: GenerateOptions) {
  const { model, maxTokens, temperature, topK, topP, minP, seed, stop, repetitionPenalty, logprobs } = options;
  const sampling = { maxTokens, temperature, topK, topP, minP, seed, repetitionPenalty, logprobs, stop: stop && [...stop] };
  return create(GenerateRequestSchema, { model, input: input(prompt), sampling });
}

export function scoreRequest(prompt: Prompt, continuations: readonly string[], model?: string) {
  return create(ScoreRequestSchema, { model, input: input(prompt), continuations: [...continuations] });
}

export function tokenizeRequest(text: Prompt, parseSpecial?: boolean, model?: string) {
  const what = typeof text === "string" ? { case: "text" as const, value: text } : chat(text);
  return create(TokenizeRequestSchema, { model, input: what, parseSpecial });
}

export function embedRequest(texts: readonly string[], kind: TextKind, truncate?: boolean, model?: string) {
  return create(EmbedRequestSchema, { model, texts: [...texts], kind: kinds[kind], truncate });
}

export function summarizeRequest(record: RecordInput, language?: string, includeFacts?: boolean, model?: string) {
  return create(SummarizeRecordRequestSchema, { source: { source: source(record) }, language, includeFacts, model });
}

type Source = NonNullable<MessageInitShape<typeof SummarizeRecordRequestSchema>["source"]>["source"];

function source(record: RecordInput): Source {
  if (typeof record === "string") {
    return { case: "fhirJson", value: record };
  }
  if ("$typeName" in record) {
    return { case: "record", value: record };
  }
  return { case: "fhirJson", value: JSON.stringify(record) };
}
