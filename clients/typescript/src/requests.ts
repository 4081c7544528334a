import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { PatientRecord } from "./gen/bedside/v1/record_pb.js";
import {
  SuggestDiagnosesRequestSchema,
  SuggestTreatmentsRequestSchema,
  SummarizeRecordRequestSchema,
  SummaryStyle,
  type RecordSource,
} from "./gen/bedside/v1/clinical_pb.js";
import { EmbeddingKind, EmbedRequestSchema } from "./gen/bedside/v1/embedding_pb.js";
import { GenerateRequestSchema, ScoreRequestSchema, TokenizeRequestSchema } from "./gen/bedside/v1/generation_pb.js";
import {
  DescribeSignalRequestSchema,
  PrepareRecordsRequestSchema,
  TextStyle,
  type PrepareRecordsRequest,
  type SampledSignal,
  type SignalSource,
  type WfdbRecord,
} from "./gen/bedside/v1/preparation_pb.js";
import type { GenerateOptions, PrepareOptions, TextForm } from "./options.js";

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A text to continue as it stands, or the messages of a chat, which go through the model's template. */
export type Prompt = string | readonly ChatMessage[];

/** A FHIR R4 Bundle or resource, as JSON text or parsed; HL7 v2 messages as text; the typed record; or a RecordSource. */
export type RecordInput = string | PatientRecord | RecordSource | { readonly resourceType: string };

/** Records as they come; one string is no list of them. */
export type Records = Iterable<RecordInput> | AsyncIterable<RecordInput>;

/** A waveform, or a file as a SignalSource's `source`: `{ case: "edf", value: bytes }`, `dicom`, `wav`. */
export type SignalInput = SampledSignal | WfdbRecord | SignalSource["source"];

/** What the texts of an `embed` call are for. */
export type TextKind = "query" | "passage";

/** What a summary is for; by default it tells the record section by section. */
export type Style = "brief" | "handover" | "discharge";

const styles: Readonly<Record<Style, SummaryStyle>> = {
  brief: SummaryStyle.BRIEF,
  handover: SummaryStyle.HANDOVER,
  discharge: SummaryStyle.DISCHARGE,
};

const kinds: Readonly<Record<TextKind, EmbeddingKind>> = { query: EmbeddingKind.QUERY, passage: EmbeddingKind.PASSAGE };

function chat(messages: readonly ChatMessage[]) {
  return { case: "chat" as const, value: { messages: [...messages] } };
}

function input(prompt: Prompt) {
  return typeof prompt === "string" ? { case: "prompt" as const, value: prompt } : chat(prompt);
}

export function generateRequest(prompt: Prompt, options: GenerateOptions) {
  const { model, maxTokens, temperature, topK, topP, minP, seed, stop, repetitionPenalty, logprobs, constraint } = options;
  const sampling = { maxTokens, temperature, topK, topP, minP, seed, repetitionPenalty, logprobs, stop: stop && [...stop] };
  return create(GenerateRequestSchema, { model, input: input(prompt), sampling, constraint: constraint && { form: form(constraint) } });
}

function form(f: TextForm) {
  if ("choices" in f) {
    return { case: "choices" as const, value: { texts: [...f.choices] } };
  }
  if ("regex" in f) {
    return { case: "regex" as const, value: f.regex };
  }
  const value = typeof f.jsonSchema === "string" ? f.jsonSchema : JSON.stringify(f.jsonSchema);
  return { case: "jsonSchema" as const, value };
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

export interface SummaryOptions {
  readonly model?: string;
  readonly language?: string;
  readonly style?: Style;
  readonly includeFacts?: boolean;
  readonly tokenBudget?: number;
}

export function summarizeRequest(record: RecordInput, options: SummaryOptions = {}) {
  const { model, language, includeFacts, tokenBudget } = options;
  const style = options.style && styles[options.style];
  return create(SummarizeRecordRequestSchema, { source: { source: source(record) }, model, language, style, includeFacts, tokenBudget });
}

export function diagnosesRequest(
  record: RecordInput,
  language?: string,
  maxSuggestions?: number,
  omitReadings?: boolean,
  model?: string,
) {
  return create(SuggestDiagnosesRequestSchema, { source: { source: source(record) }, language, maxSuggestions, omitReadings, model });
}

export function treatmentsRequest(record: RecordInput, diagnosis?: string, language?: string, model?: string) {
  return create(SuggestTreatmentsRequestSchema, { source: { source: source(record) }, diagnosis, language, model });
}

type Source = NonNullable<MessageInitShape<typeof SummarizeRecordRequestSchema>["source"]>["source"];

function source(record: RecordInput): Source {
  if (typeof record === "string") {
    // HL7 v2 is told from FHIR by its first segment.
    return { case: /^[\v\r\n]*(MSH|FHS|BHS)\|/.test(record) ? "hl7v2" : "fhirJson", value: record };
  }
  if ("$typeName" in record) {
    return record.$typeName === "bedside.v1.RecordSource" ? record.source : { case: "record", value: record };
  }
  return { case: "fhirJson", value: JSON.stringify(record) };
}

/** What reading the caller's records threw, if it did. */
export interface OwnError {
  thrown?: { readonly value: unknown };
}

/** Requests of `records`. They end where reading one throws: Connect would make that an error of the call. */
export async function* prepareRequests(
  records: Records,
  options: PrepareOptions,
  own: OwnError,
): AsyncGenerator<PrepareRecordsRequest, void, undefined> {
  const preparation = preparationOptions(options);
  try {
    for await (const record of records) {
      yield create(PrepareRecordsRequestSchema, { source: { source: source(record) }, options: preparation });
    }
  } catch (value) {
    own.thrown = { value };
  }
}

function preparationOptions(options: PrepareOptions) {
  const { skipStages, fillIntervalMinutes, includeRaw, includeFeatures, includeVector, text } = options;
  return {
    skipStages: skipStages && [...skipStages],
    fillIntervalMinutes,
    includeRaw,
    includeFeatures,
    includeVector,
    text: text && {
      language: text.language,
      style: text.compact ? TextStyle.COMPACT : TextStyle.FULL,
      tokenBudget: text.tokenBudget,
      relativeTimes: text.relativeTimes,
    },
  };
}

export function describeRequest(signal: SignalInput, language?: string) {
  let what: SignalSource["source"];
  if (!("$typeName" in signal)) {
    what = signal;
  } else if (signal.$typeName === "bedside.v1.WfdbRecord") {
    what = { case: "wfdb", value: signal };
  } else {
    what = { case: "sampled", value: signal };
  }
  return create(DescribeSignalRequestSchema, { source: { source: what }, language });
}
