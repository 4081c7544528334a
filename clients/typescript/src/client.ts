import { createClient, type CallOptions as ConnectOptions, type Client as ConnectClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Attempts, callerOf, type Setting } from "./call.js";
import { UnavailableError } from "./errors.js";
import {
  ClinicalService,
  type SuggestDiagnosesResponse,
  type SuggestTreatmentsResponse,
  type StreamSummarizeRecordResponse,
  type SummarizeRecordResponse,
} from "./gen/bedside/v1/clinical_pb.js";
import { EmbeddingService, type EmbedResponse } from "./gen/bedside/v1/embedding_pb.js";
import {
  GenerationService,
  type GenerateResponse,
  type ScoreResponse,
  type StreamGenerateResponse,
  type TokenizeResponse,
} from "./gen/bedside/v1/generation_pb.js";
import { ModelService, type Model } from "./gen/bedside/v1/model_pb.js";
import { PreparationService, type DescribeSignalResponse, type PrepareRecordsResponse } from "./gen/bedside/v1/preparation_pb.js";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "./gen/grpc_health/v1/health_pb.js";
import { GRPCInferenceService } from "./gen/inference/v2/grpc_service_pb.js";
import { defaultTimeoutMs, maxMessageBytes, serverUrl, type CallOptions, type ClientOptions, type GenerateOptions, type PrepareOptions } from "./options.js";
import * as requests from "./requests.js";

/** Calls a Bedside server. It is one connection, and meant to be kept. Every method rejects with a BedsideError. */
export class Client {
  /** Carries any generated client: `createClient(Service, client.transport)`. Such calls throw Connect's own errors. */
  readonly transport: Transport;
  /** The Open Inference Protocol: any loaded model by tensors. Its calls throw Connect's own errors; see toBedsideError. */
  readonly inference: ConnectClient<typeof GRPCInferenceService>;

  private readonly setting: Setting;
  private readonly connection: Http2SessionManager;
  private readonly generation: ConnectClient<typeof GenerationService>;
  private readonly embedding: ConnectClient<typeof EmbeddingService>;
  private readonly clinical: ConnectClient<typeof ClinicalService>;
  private readonly models: ConnectClient<typeof ModelService>;
  private readonly preparation: ConnectClient<typeof PreparationService>;
  private readonly healths: ConnectClient<typeof Health>;

  /** `target` is `host:port` or a URL. Making a client does not wait for a connection. */
  constructor(target = "127.0.0.1:8001", options: ClientOptions = {}) {
    const { timeoutMs = defaultTimeoutMs, waitForReady = true, tls } = options;
    const url = serverUrl(target, tls);
    // Pings find a peer that died while a call waited, which TCP alone does not.
    this.connection = new Http2SessionManager(
      url,
      { pingIntervalMs: 60_000, pingTimeoutMs: 20_000 },
      typeof tls === "object" ? tls : undefined,
    );
    this.transport = createGrpcTransport({
      baseUrl: url.href,
      sessionManager: this.connection,
      readMaxBytes: maxMessageBytes,
      writeMaxBytes: maxMessageBytes,
      defaultTimeoutMs: timeoutMs ?? undefined,
      interceptors: [callerOf(options)],
    });
    this.setting = { timeoutMs, waitForReady, running: new Set(), closed: false };
    this.inference = createClient(GRPCInferenceService, this.transport);
    this.generation = createClient(GenerationService, this.transport);
    this.embedding = createClient(EmbeddingService, this.transport);
    this.clinical = createClient(ClinicalService, this.transport);
    this.models = createClient(ModelService, this.transport);
    this.preparation = createClient(PreparationService, this.transport);
    this.healths = createClient(Health, this.transport);
  }

  /** Continues a text, or answers a chat; the answer comes when it is whole. */
  async generate(prompt: requests.Prompt, options: GenerateOptions = {}): Promise<GenerateResponse> {
    const request = requests.generateRequest(prompt, options);
    return this.unary((o) => this.generation.generate(request, o), options);
  }

  /**
   * As generate, piece by piece as it is written. The last piece has `finishReason`, `usage` and `timings`. Leaving the loop
   * cancels the call, and the server stops working on it.
   */
  stream(prompt: requests.Prompt, options: GenerateOptions = {}): AsyncGenerator<StreamGenerateResponse, void, undefined> {
    const request = requests.generateRequest(prompt, options);
    return this.pieces((o) => this.generation.streamGenerate(request, o), options);
  }

  /** The log probability of each continuation after the same prompt. */
  async score(
    prompt: requests.Prompt,
    continuations: readonly string[],
    options: CallOptions & { readonly model?: string } = {},
  ): Promise<ScoreResponse> {
    const request = requests.scoreRequest(prompt, continuations, options.model);
    return this.unary((o) => this.generation.score(request, o), options);
  }

  /** How a text, or a chat through the model's template, is cut into tokens. */
  async tokenize(
    text: requests.Prompt,
    options: CallOptions & { readonly model?: string; readonly parseSpecial?: boolean } = {},
  ): Promise<TokenizeResponse> {
    const request = requests.tokenizeRequest(text, options.parseSpecial, options.model);
    return this.unary((o) => this.generation.tokenize(request, o), options);
  }

  /**
   * One vector for each text, of length 1 and in their order. Passages are found by queries. A text of more tokens than the
   * model takes is refused, or cut where `truncate` is set.
   */
  async embed(
    texts: readonly string[],
    kind: requests.TextKind,
    options: CallOptions & { readonly model?: string; readonly truncate?: boolean } = {},
  ): Promise<EmbedResponse> {
    const request = requests.embedRequest(texts, kind, options.truncate, options.model);
    return this.unary((o) => this.embedding.embed(request, o), options);
  }

  /** A summary of a patient record in `en` or `zh`, every sentence with the readings it rests on. */
  async summarize(record: requests.RecordInput, options: CallOptions & requests.SummaryOptions = {}): Promise<SummarizeRecordResponse> {
    const request = requests.summarizeRequest(record, options);
    return this.unary((o) => this.clinical.summarizeRecord(request, o), options);
  }

  /**
   * As `summarize`, sentence by sentence as each has been checked. The last piece has the rest of the answer, `summary`. Leaving
   * the loop cancels the call.
   */
  async *streamSummary(
    record: requests.RecordInput,
    options: CallOptions & requests.SummaryOptions = {},
  ): AsyncGenerator<StreamSummarizeRecordResponse, void, undefined> {
    const request = requests.summarizeRequest(record, options);
    yield* this.pieces((o) => this.clinical.streamSummarizeRecord(request, o), options);
  }

  /** Diagnoses by how probable they are, with what speaks for and against; `abstention` says where not to rely on them. */
  async diagnose(
    record: requests.RecordInput,
    options: CallOptions & {
      readonly model?: string;
      readonly language?: string;
      readonly maxSuggestions?: number;
      readonly omitReadings?: boolean;
    } = {},
  ): Promise<SuggestDiagnosesResponse> {
    const request = requests.diagnosesRequest(record, options.language, options.maxSuggestions, options.omitReadings, options.model);
    return this.unary((o) => this.clinical.suggestDiagnoses(request, o), options);
  }

  /** What guidelines name for a diagnosis (ICD-10-CM; the first suggested one by default), held against the record. */
  async treat(
    record: requests.RecordInput,
    options: CallOptions & { readonly model?: string; readonly language?: string; readonly diagnosis?: string } = {},
  ): Promise<SuggestTreatmentsResponse> {
    const request = requests.treatmentsRequest(record, options.diagnosis, options.language, options.model);
    return this.unary((o) => this.clinical.suggestTreatments(request, o), options);
  }

  /**
   * Cleans records one after another; an answer to each comes in order, `prepared` or `failure`. A record that cannot be read
   * ends nothing. `records` is read as fast as the server takes them, and what it throws comes as it is, after the answers to
   * the records before. A stream is not tried again by itself, and has no timeout unless told. Leaving the loop cancels the
   * call.
   */
  async *prepare(records: requests.Records, options: PrepareOptions = {}): AsyncGenerator<PrepareRecordsResponse, void, undefined> {
    if (typeof records === "string") {
      throw new TypeError("records is one record, must be a list of records");
    }
    const call = { timeoutMs: null, ...options };
    const own: requests.OwnError = {};
    yield* this.pieces((o) => this.preparation.prepareRecords(requests.prepareRequests(records, options, own), o), call, false);
    if (own.thrown !== undefined) {
      throw own.thrown.value;
    }
  }

  /** What a waveform, an image file or a sound shows, in `en` or `zh`. It diagnoses nothing. */
  async describeSignal(
    signal: requests.SignalInput,
    options: CallOptions & { readonly language?: string } = {},
  ): Promise<DescribeSignalResponse> {
    const request = requests.describeRequest(signal, options.language);
    return this.unary((o) => this.preparation.describeSignal(request, o), options);
  }

  /** The models of the server's repositories, loaded or not, by name and version. */
  async listModels(options: CallOptions = {}): Promise<Model[]> {
    return (await this.unary((o) => this.models.listModels({}, o), options)).models;
  }

  /** Loads a model, or loads it anew, and gives the versions that serve when it is ready. */
  async loadModel(name: string, options: CallOptions = {}): Promise<Model[]> {
    return (await this.unary((o) => this.models.loadModel({ name }, o), options, false)).models;
  }

  /** Ends a model once its running requests are done. */
  async unloadModel(name: string, options: CallOptions = {}): Promise<void> {
    await this.unary((o) => this.models.unloadModel({ name }, o), options, false);
  }

  /** The state of the models named, or of all, then each change as it happens. It has no timeout unless told. */
  async *watchModels(names: readonly string[] = [], options: CallOptions = {}): AsyncGenerator<Model, void, undefined> {
    const watched = { timeoutMs: null, ...options };
    for await (const { model } of this.pieces((o) => this.models.watchModels({ names: [...names] }, o), watched)) {
      if (model !== undefined) {
        yield model;
      }
    }
  }

  /** Whether the server, or one service of it such as `bedside.v1.EmbeddingService`, can be reached and takes calls. */
  async health(service = "", options: CallOptions = {}): Promise<boolean> {
    const attempts = new Attempts(this.setting, options, false);
    try {
      return (await this.healths.check({ service }, attempts.connectOptions())).status === ServingStatus.SERVING;
    } catch (thrown) {
      const error = attempts.describe(thrown);
      if (error instanceof UnavailableError) {
        return false;
      }
      throw error;
    } finally {
      attempts.end();
    }
  }

  /** Ends all calls and the connection. */
  close(): void {
    this.setting.closed = true;
    this.setting.running.forEach((call) => call.abort(new Error("the client is closed")));
    this.connection.abort();
  }

  private async unary<T>(call: (options: ConnectOptions) => Promise<T>, options: CallOptions, readsOnly = true): Promise<T> {
    const attempts = new Attempts(this.setting, options, readsOnly);
    try {
      for (;;) {
        try {
          return await call(attempts.connectOptions());
        } catch (thrown) {
          await attempts.pause(thrown);
        }
      }
    } finally {
      attempts.end();
    }
  }

  private async *pieces<T>(
    call: (options: ConnectOptions) => AsyncIterable<T>,
    options: CallOptions,
    again = true,
  ): AsyncGenerator<T, void, undefined> {
    const attempts = new Attempts(this.setting, options, true);
    let answered = false;
    let iterator: AsyncIterator<T> | undefined;
    try {
      for (;;) {
        try {
          iterator = call(attempts.connectOptions())[Symbol.asyncIterator]();
          for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
            answered = true;
            yield next.value;
          }
          return;
        } catch (thrown) {
          if (answered || !again) {
            throw attempts.describe(thrown);
          }
          await attempts.pause(thrown);
        }
      }
    } finally {
      attempts.leave();
      attempts.end();
      // Connect stops the timer of a call that was left, which holds the process, only when it is asked for more.
      iterator?.next().catch(() => undefined);
    }
  }
}
