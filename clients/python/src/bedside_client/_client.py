"""The client for programs that wait for each answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from os import PathLike
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from . import _options, _requests, v1
from ._call import Attempts, Caller, CallOptions
from ._errors import UnavailableError
from ._requests import EmbeddingKind, GenerateOptions, PrepareOptions, Prompt, Record, Signal, SummaryStyle
from ._stream import Stream
from .v1.clinical_pb2_grpc import ClinicalServiceStub
from .v1.embedding_pb2_grpc import EmbeddingServiceStub
from .v1.generation_pb2_grpc import GenerationServiceStub
from .v1.graph_pb2_grpc import KnowledgeGraphServiceStub
from .v1.model_pb2_grpc import ModelServiceStub
from .v1.preparation_pb2_grpc import PreparationServiceStub

Q = TypeVar("Q")
R = TypeVar("R")
T = TypeVar("T")


class Client:
    """Calls a Bedside server. It is one pool of connections, safe for use by many threads, and meant to be kept.

    `target` is `host:port`, or any target that gRPC knows, such as `unix:///run/bedside.sock` or
    `dns:///bedside.example:8001` (all its addresses are used in turn). Making a client does not wait for a connection.

    timeout: seconds that a call may take which names no timeout of its own; None for no limit.
    tls: None encrypts what leaves this machine; True always, False never, TlsFiles and credentials as they say. False
        has to be asked for, since records are patient data.
    token_file: a file with a token or an API key to send, read for every call, so that it may be renewed there.
    purpose: what the calls are for, for the server's audit: a code of HL7 v3's PurposeOfUse, such as TREAT.
    wait_for_ready: whether calls wait, within their timeout, until a server can be reached; else they fail after some
        tries in about a second.
    tenant: whom the server counts the calls for, where several share it and it does not ask who is calling.
    user_agent: the calling program's name and version.
    options: further channel arguments of gRPC, which win over the client's own.

    Every method raises a BedsideError where its call fails.
    """

    def __init__(self, target: str = "127.0.0.1:8001", *, timeout: float | None = _options.DEFAULT_TIMEOUT,
                 tls: _options.Tls = None, token_file: str | PathLike[str] | None = None, purpose: str = "",
                 wait_for_ready: bool = True, tenant: str = "", user_agent: str = "",
                 options: _options.ChannelOptions = ()) -> None:
        arguments = _options.channel_options(wait_for_ready, user_agent, options)
        credentials = _options.credentials(target, tls)
        self._channel = (grpc.insecure_channel(target, arguments) if credentials is None
                         else grpc.secure_channel(target, credentials, arguments))
        self._timeout, self._caller = timeout, Caller(tenant, token_file, purpose)
        self._closing = threading.Event()
        self._generation = GenerationServiceStub(self._channel)
        self._clinical = ClinicalServiceStub(self._channel)
        self._embedding = EmbeddingServiceStub(self._channel)
        self._models = ModelServiceStub(self._channel)
        self._preparation = PreparationServiceStub(self._channel)
        self._graph = KnowledgeGraphServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    @property
    def channel(self) -> grpc.Channel:
        """The channel beneath, for the stubs in `bedside_client.v1` and those of other services."""
        return self._channel

    def generate(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> v1.GenerateResponse:
        """Continue a text, or answer a chat; the answer comes when it is whole."""
        return self._unary(self._generation.Generate, _requests.generate(prompt, options), _requests.call_options(options))

    def stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Stream[v1.StreamGenerateResponse]:
        """As `generate`, piece by piece as it is written. The last piece has `finish_reason`, `usage` and `timings`."""
        return self._stream(self._generation.StreamGenerate, _requests.generate(prompt, options), lambda piece: piece,
                            _requests.call_options(options), self._timeout)

    def score(self, prompt: Prompt, continuations: Iterable[str], *, model: str = "",
              **options: Unpack[CallOptions]) -> v1.ScoreResponse:
        """The log probability of each continuation after the same prompt."""
        return self._unary(self._generation.Score, _requests.score(prompt, continuations, model), options)

    def tokenize(self, text: Prompt, *, parse_special: bool = False, model: str = "",
                 **options: Unpack[CallOptions]) -> v1.TokenizeResponse:
        """How a text, or a chat through the model's template, is cut into tokens."""
        return self._unary(self._generation.Tokenize, _requests.tokenize(text, parse_special, model), options)

    def embed(self, texts: Iterable[str], kind: EmbeddingKind, *, truncate: bool = False, model: str = "",
              **options: Unpack[CallOptions]) -> v1.EmbedResponse:
        """One vector for each text, of length 1 and in their order. Passages are found by queries.

        A text of more tokens than the model takes is refused, or cut where `truncate` is set.
        """
        return self._unary(self._embedding.Embed, _requests.embed(texts, kind, truncate, model), options)

    def summarize(self, record: Record, *, language: str = "", style: SummaryStyle = "", include_facts: bool = False,
                  token_budget: int = 0, model: str = "", **options: Unpack[CallOptions]) -> v1.SummarizeRecordResponse:
        """A summary of a patient record in `en` or `zh`, every sentence with the readings it rests on."""
        request = _requests.summarize(record, language, include_facts, model, style, token_budget)
        return self._unary(self._clinical.SummarizeRecord, request, options)

    def stream_summary(self, record: Record, *, language: str = "", style: SummaryStyle = "", include_facts: bool = False,
                       token_budget: int = 0, model: str = "",
                       **options: Unpack[CallOptions]) -> Stream[v1.StreamSummarizeRecordResponse]:
        """As `summarize`, sentence by sentence as each is checked. The last piece has the rest of the answer, `summary`."""
        request = _requests.summarize(record, language, include_facts, model, style, token_budget)
        return self._stream(self._clinical.StreamSummarizeRecord, request, lambda piece: piece, options, self._timeout)

    def diagnose(self, record: Record, *, language: str = "", max_suggestions: int = 0, readings: bool = True,
                 model: str = "", **options: Unpack[CallOptions]) -> v1.SuggestDiagnosesResponse:
        """Diagnoses, the likeliest first, with what speaks for and against; `abstention` says where not to rely on them."""
        request = _requests.diagnose(record, language, max_suggestions, readings, model)
        return self._unary(self._clinical.SuggestDiagnoses, request, options)

    def treat(self, record: Record, *, diagnosis: str = "", language: str = "", model: str = "",
              **options: Unpack[CallOptions]) -> v1.SuggestTreatmentsResponse:
        """What guidelines name for a diagnosis (ICD-10-CM; by default the first suggested), held against the record."""
        request = _requests.treat(record, diagnosis, language, model)
        return self._unary(self._clinical.SuggestTreatments, request, options)

    def prepare(self, records: Iterable[Record], **options: Unpack[PrepareOptions]) -> Stream[v1.PrepareRecordsResponse]:
        """Clean records one after another; an answer to each comes in order, `prepared` or `failure`.

        `records` is read as fast as the server takes them, in a thread of gRPC's. A record that cannot be read ends
        nothing. An exception that `records` raises comes after the answers to those before. A stream is not tried again
        by itself, and has no timeout unless told.
        """
        attempts = self._attempts(_requests.call_options(options), None)
        attempts.once()
        requests = _requests.prepare(records, options, attempts)
        return Stream(attempts, lambda: self._preparation.PrepareRecords(
            requests, timeout=attempts.left(), metadata=attempts.metadata), lambda answer: answer, self._closing)

    def describe_signal(self, signal: Signal, *, language: str = "",
                        **options: Unpack[CallOptions]) -> v1.DescribeSignalResponse:
        """What a waveform, an image file or a sound shows, in `en` or `zh`. It diagnoses nothing."""
        request = _requests.describe_signal(signal, language)
        return self._unary(self._preparation.DescribeSignal, request, options)

    def ingest_record(self, record: Record, *, patient: str = "", record_id: str = "", all_readings: bool = False,
                      notes: Iterable[v1.GraphNote] = (), model: str = "",
                      **options: Unpack[CallOptions]) -> v1.IngestRecordResponse:
        """Add a record to the knowledge graph. The same record again changes nothing."""
        request = v1.IngestRecordRequest(source=_requests.source(record), patient=patient, record_id=record_id,
                                         all_readings=all_readings, notes=notes, model=model)
        return self._unary(self._graph.IngestRecord, request, options)

    def read_notes(self, notes: Iterable[v1.GraphNote], *, model: str = "", by_rule: bool = False,
                   **options: Unpack[CallOptions]) -> v1.ReadNotesResponse:
        """What texts about a patient state. Nothing is stored."""
        request = v1.ReadNotesRequest(notes=notes, model=model, by_rule=by_rule)
        return self._unary(self._graph.ReadNotes, request, options)

    def import_triples(self, nquads: bytes, **options: Unpack[CallOptions]) -> v1.ImportTriplesResponse:
        """Add statements in N-Quads. What could name a person is left out, and counted."""
        return self._unary(self._graph.ImportTriples, v1.ImportTriplesRequest(nquads=nquads), options)

    def neighbours(self, request: v1.NeighboursRequest, **options: Unpack[CallOptions]) -> v1.NeighboursResponse:
        """The statements of a node, a page at a time."""
        return self._unary(self._graph.Neighbours, request, options)

    def shortest_path(self, request: v1.ShortestPathRequest, **options: Unpack[CallOptions]) -> v1.ShortestPathResponse:
        """The shortest paths between two nodes."""
        return self._unary(self._graph.ShortestPath, request, options)

    def match_pattern(self, request: v1.MatchPatternRequest, **options: Unpack[CallOptions]) -> v1.MatchPatternResponse:
        """The ways in which statements with variables fit the graph at once."""
        return self._unary(self._graph.MatchPattern, request, options)

    def similar_patients(self, request: v1.SimilarPatientsRequest,
                         **options: Unpack[CallOptions]) -> v1.SimilarPatientsResponse:
        """The patients who share most with one."""
        return self._unary(self._graph.SimilarPatients, request, options)

    def search_graph(self, request: v1.SearchRequest, **options: Unpack[CallOptions]) -> v1.SearchResponse:
        """Nodes by name in English or Chinese, or by code."""
        return self._unary(self._graph.Search, request, options)

    def render_graph(self, request: v1.RenderRequest, **options: Unpack[CallOptions]) -> v1.RenderResponse:
        """A node's neighbourhood as SVG."""
        return self._unary(self._graph.Render, request, options)

    def export_graph(self, format: v1.GraphFormat.ValueType = v1.GraphFormat.GRAPH_FORMAT_NQUADS,
                     **options: Unpack[CallOptions]) -> Stream[bytes]:
        """The whole graph as a document, piece by piece. It has no timeout unless told."""
        return self._stream(self._graph.Export, v1.ExportRequest(format=format), lambda piece: piece.data, options, None)

    def list_models(self, **options: Unpack[CallOptions]) -> list[v1.Model]:
        """The models of the server's repositories, loaded or not, by name and version."""
        return list(self._unary(self._models.ListModels, v1.ListModelsRequest(), options).models)

    def load_model(self, name: str, **options: Unpack[CallOptions]) -> list[v1.Model]:
        """Load a model, or load it anew, and give the versions that serve when it is ready."""
        return list(self._unary(self._models.LoadModel, v1.LoadModelRequest(name=name), options).models)

    def unload_model(self, name: str, **options: Unpack[CallOptions]) -> None:
        """End a model once its running requests are done."""
        self._unary(self._models.UnloadModel, v1.UnloadModelRequest(name=name), options)

    def watch_models(self, names: Iterable[str] = (), **options: Unpack[CallOptions]) -> Stream[v1.Model]:
        """The state of the models named, or of all, then each change as it happens, until the server shuts down.

        It has no timeout unless told.
        """
        return self._stream(self._models.WatchModels, _requests.watch(names), lambda answer: answer.model, options, None)

    def health(self, service: str = "", **options: Unpack[CallOptions]) -> bool:
        """Whether the server, or one service of it such as `bedside.v1.EmbeddingService`, can be reached and takes calls."""
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = self._unary(self._health.Check, request, options)
        except UnavailableError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """End all calls and connections."""
        self._closing.set()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _unary(self, method: grpc.UnaryUnaryMultiCallable[Q, R], request: Q, options: CallOptions) -> R:
        attempts = self._attempts(options, self._timeout)
        while True:
            try:
                return method(request, timeout=attempts.left(), metadata=attempts.metadata)
            except grpc.RpcError as raised:
                error = attempts.error(raised)
                delay = attempts.pause(error)
                if delay is None or self._closing.wait(delay):
                    raise error from raised

    def _stream(self, method: grpc.UnaryStreamMultiCallable[Q, R], request: Q, pick: Callable[[R], T], options: CallOptions,
                timeout: float | None) -> Stream[T]:
        attempts = self._attempts(options, timeout)
        return Stream(attempts, lambda: method(request, timeout=attempts.left(), metadata=attempts.metadata), pick,
                      self._closing)

    def _attempts(self, options: CallOptions, timeout: float | None) -> Attempts:
        if self._closing.is_set():
            raise RuntimeError("the client is closed")
        return Attempts(options, timeout, self._caller)
