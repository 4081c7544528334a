"""The client for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from os import PathLike
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, Unpack

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from . import _options, _requests, v1
from ._call import Attempts, Caller, CallOptions
from ._errors import CallCancelledError, UnavailableError
from ._requests import EmbeddingKind, GenerateOptions, PrepareOptions, Prompt, Record, Signal, SummaryStyle
from .v1.clinical_pb2_grpc import ClinicalServiceStub
from .v1.embedding_pb2_grpc import EmbeddingServiceStub
from .v1.generation_pb2_grpc import GenerationServiceStub
from .v1.graph_pb2_grpc import KnowledgeGraphServiceStub
from .v1.model_pb2_grpc import ModelServiceStub
from .v1.preparation_pb2_grpc import PreparationServiceStub

Q = TypeVar("Q")
R = TypeVar("R")
T = TypeVar("T")


class AsyncCall(Protocol):
    """What grpc.aio gives for a call with many answers."""

    async def read(self) -> Any: ...
    def cancel(self) -> bool: ...


class RecordsCall:
    """A call that sends records, and ends with the status that the server gave.

    Where a record is being sent while the server ends the call, grpc.aio puts INTERNAL in that status's place
    (grpc/grpc#36066). The first status is kept here instead.
    """

    def __init__(self, call: grpc.aio.StreamStreamCall[Any, Any]) -> None:
        self._call = call
        self._ends: list[grpc.aio.AioRpcError] = []
        call.add_done_callback(functools.partial(keep_status, self._ends))

    async def read(self) -> Any:
        try:
            return await self._call.read()
        except grpc.RpcError as raised:
            if not self._ends:
                raise
            if self._ends[0].code() is grpc.StatusCode.OK:
                return grpc.aio.EOF
            raise self._ends[0] from raised

    def cancel(self) -> bool:
        return self._call.cancel()


def keep_status(ends: list[grpc.aio.AioRpcError], call: Any) -> None:
    """Add the status of a call that has just ended. Nothing is left to wait for, and a task would come too late."""
    status = read_status(call)
    try:
        status.send(None)
    except StopIteration as done:
        ends.append(done.value)
    finally:
        status.close()


async def read_status(call: Any) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(await call.code(), await call.initial_metadata(), await call.trailing_metadata(),
                                details=await call.details(), debug_error_string=await call.debug_error_string())


def raise_if_closed(request_id: str) -> None:
    """Tell a call that was closed, which grpc reports as asyncio's CancelledError, from a task that was cancelled."""
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        raise CallCancelledError(grpc.StatusCode.CANCELLED, "the call was closed", request_id=request_id) from None


async def comes(event: asyncio.Event, delay: float) -> bool:
    """Whether `event` comes within `delay` seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), delay)
    return event.is_set()


class AsyncStream(AsyncIterator[T], Generic[T]):
    """As Stream, for `async for`; cancelling the task that waits for an answer cancels the call too."""

    def __init__(self, attempts: Attempts, start: Callable[[], AsyncCall], pick: Callable[[Any], T],
                 closing: asyncio.Event) -> None:
        self._attempts, self._start, self._pick, self._closing = attempts, start, pick, closing
        self._answered, self._ended = False, True
        self._call = start()
        self._ended = False

    @property
    def request_id(self) -> str:
        """The call's id in the server's log."""
        return self._attempts.request_id

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next answer; raises a BedsideError where the call failed."""
        while not self._ended:
            try:
                piece = await self._call.read()
            except asyncio.CancelledError:
                self._ended = True
                raise_if_closed(self.request_id)
                raise
            except grpc.RpcError as raised:
                error = self._attempts.error(raised)
                delay = None if self._answered or self._ended else self._attempts.pause(error)
                if delay is None or await comes(self._closing, delay):
                    self._ended = True
                    raise error from raised
                if not self._ended:
                    self._call = self._start()
            else:
                if piece is grpc.aio.EOF:
                    self._ended = True
                    self._attempts.finish()
                    break
                self._answered = True
                return self._pick(piece)
        raise StopAsyncIteration

    def close(self) -> None:
        """Cancel the call unless it has ended. A task that waits for its next answer gets a CallCancelledError."""
        self._ended = True
        self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        # A loop that was left early; grpc's own call is held by its tasks, and would run on.
        if not self._ended:
            with contextlib.suppress(RuntimeError):  # the event loop has ended, and the call with it
                self._call.cancel()


class AsyncClient:
    """As Client, for asyncio: the same arguments and methods. Make it, use it and close it in one event loop."""

    def __init__(self, target: str = "127.0.0.1:8001", *, timeout: float | None = _options.DEFAULT_TIMEOUT,
                 tls: _options.Tls = None, token_file: str | PathLike[str] | None = None, purpose: str = "",
                 wait_for_ready: bool = True, tenant: str = "", user_agent: str = "",
                 options: _options.ChannelOptions = ()) -> None:
        asyncio.get_running_loop()  # grpc would take another one, and fail in the first call
        arguments = _options.channel_options(wait_for_ready, user_agent, options)
        credentials = _options.credentials(target, tls)
        self._channel = (grpc.aio.insecure_channel(target, arguments) if credentials is None
                         else grpc.aio.secure_channel(target, credentials, arguments))
        self._timeout, self._caller = timeout, Caller(tenant, token_file, purpose)
        self._closing = asyncio.Event()
        self._generation = GenerationServiceStub(self._channel)
        self._clinical = ClinicalServiceStub(self._channel)
        self._embedding = EmbeddingServiceStub(self._channel)
        self._models = ModelServiceStub(self._channel)
        self._preparation = PreparationServiceStub(self._channel)
        self._graph = KnowledgeGraphServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel beneath, for the stubs in `bedside_client.v1` and those of other services."""
        return self._channel

    async def generate(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> v1.GenerateResponse:
        """Continue a text, or answer a chat; the answer comes when it is whole."""
        return await self._unary(self._generation.Generate, _requests.generate(prompt, options),
                                 _requests.call_options(options))

    def stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> AsyncStream[v1.StreamGenerateResponse]:
        """As `generate`, piece by piece as it is written. The last piece has `finish_reason`, `usage` and `timings`."""
        return self._stream(self._generation.StreamGenerate, _requests.generate(prompt, options), lambda piece: piece,
                            _requests.call_options(options), self._timeout)

    async def score(self, prompt: Prompt, continuations: Iterable[str], *, model: str = "",
                    **options: Unpack[CallOptions]) -> v1.ScoreResponse:
        """The log probability of each continuation after the same prompt."""
        return await self._unary(self._generation.Score, _requests.score(prompt, continuations, model), options)

    async def tokenize(self, text: Prompt, *, parse_special: bool = False, model: str = "",
                       **options: Unpack[CallOptions]) -> v1.TokenizeResponse:
        """How a text, or a chat through the model's template, is cut into tokens."""
        return await self._unary(self._generation.Tokenize, _requests.tokenize(text, parse_special, model), options)

    async def embed(self, texts: Iterable[str], kind: EmbeddingKind, *, truncate: bool = False, model: str = "",
                    **options: Unpack[CallOptions]) -> v1.EmbedResponse:
        """One vector for each text, of length 1 and in their order. Passages are found by queries.

        A text of more tokens than the model takes is refused, or cut where `truncate` is set.
        """
        return await self._unary(self._embedding.Embed, _requests.embed(texts, kind, truncate, model), options)

    async def summarize(self, record: Record, *, language: str = "", style: SummaryStyle = "", include_facts: bool = False,
                        token_budget: int = 0, model: str = "",
                        **options: Unpack[CallOptions]) -> v1.SummarizeRecordResponse:
        """A summary of a patient record in `en` or `zh`, every sentence with the readings it rests on."""
        request = _requests.summarize(record, language, include_facts, model, style, token_budget)
        return await self._unary(self._clinical.SummarizeRecord, request, options)

    def stream_summary(self, record: Record, *, language: str = "", style: SummaryStyle = "", include_facts: bool = False,
                       token_budget: int = 0, model: str = "",
                       **options: Unpack[CallOptions]) -> AsyncStream[v1.StreamSummarizeRecordResponse]:
        """As `summarize`, sentence by sentence as each is checked. The last piece has the rest of the answer, `summary`."""
        request = _requests.summarize(record, language, include_facts, model, style, token_budget)
        return self._stream(self._clinical.StreamSummarizeRecord, request, lambda piece: piece, options, self._timeout)

    async def diagnose(self, record: Record, *, language: str = "", max_suggestions: int = 0, readings: bool = True,
                       model: str = "", **options: Unpack[CallOptions]) -> v1.SuggestDiagnosesResponse:
        """Diagnoses, the likeliest first, with what speaks for and against; `abstention` says where not to rely on them."""
        request = _requests.diagnose(record, language, max_suggestions, readings, model)
        return await self._unary(self._clinical.SuggestDiagnoses, request, options)

    async def treat(self, record: Record, *, diagnosis: str = "", language: str = "", model: str = "",
                    **options: Unpack[CallOptions]) -> v1.SuggestTreatmentsResponse:
        """What guidelines name for a diagnosis (ICD-10-CM; by default the first suggested), held against the record."""
        request = _requests.treat(record, diagnosis, language, model)
        return await self._unary(self._clinical.SuggestTreatments, request, options)

    def prepare(self, records: Iterable[Record] | AsyncIterable[Record],
                **options: Unpack[PrepareOptions]) -> AsyncStream[v1.PrepareRecordsResponse]:
        """Clean records one after another; an answer to each comes in order, `prepared` or `failure`.

        `records` is read as fast as the server takes them. A record that cannot be read ends nothing. An exception that
        `records` raises comes after the answers to those before. A stream is not tried again by itself, and has no
        timeout unless told.
        """
        attempts = self._attempts(_requests.call_options(options), None)
        attempts.once()
        requests = (_requests.prepare_async(records, options, attempts) if isinstance(records, AsyncIterable)
                    else _requests.prepare(records, options, attempts))
        return AsyncStream(attempts, lambda: RecordsCall(self._preparation.PrepareRecords(
            requests, timeout=attempts.left(), metadata=attempts.metadata)), lambda answer: answer, self._closing)

    async def describe_signal(self, signal: Signal, *, language: str = "",
                              **options: Unpack[CallOptions]) -> v1.DescribeSignalResponse:
        """What a waveform, an image file or a sound shows, in `en` or `zh`. It diagnoses nothing."""
        request = _requests.describe_signal(signal, language)
        return await self._unary(self._preparation.DescribeSignal, request, options)

    async def ingest_record(self, record: Record, *, patient: str = "", record_id: str = "", all_readings: bool = False,
                            notes: Iterable[v1.GraphNote] = (), model: str = "",
                            **options: Unpack[CallOptions]) -> v1.IngestRecordResponse:
        """Add a record to the knowledge graph. The same record again changes nothing."""
        request = v1.IngestRecordRequest(source=_requests.source(record), patient=patient, record_id=record_id,
                                         all_readings=all_readings, notes=notes, model=model)
        return await self._unary(self._graph.IngestRecord, request, options)

    async def read_notes(self, notes: Iterable[v1.GraphNote], *, model: str = "", by_rule: bool = False,
                         **options: Unpack[CallOptions]) -> v1.ReadNotesResponse:
        """What texts about a patient state. Nothing is stored."""
        request = v1.ReadNotesRequest(notes=notes, model=model, by_rule=by_rule)
        return await self._unary(self._graph.ReadNotes, request, options)

    async def import_triples(self, nquads: bytes, **options: Unpack[CallOptions]) -> v1.ImportTriplesResponse:
        """Add statements in N-Quads. What could name a person is left out, and counted."""
        return await self._unary(self._graph.ImportTriples, v1.ImportTriplesRequest(nquads=nquads), options)

    async def neighbours(self, request: v1.NeighboursRequest, **options: Unpack[CallOptions]) -> v1.NeighboursResponse:
        """The statements of a node, a page at a time."""
        return await self._unary(self._graph.Neighbours, request, options)

    async def shortest_path(self, request: v1.ShortestPathRequest,
                            **options: Unpack[CallOptions]) -> v1.ShortestPathResponse:
        """The shortest paths between two nodes."""
        return await self._unary(self._graph.ShortestPath, request, options)

    async def match_pattern(self, request: v1.MatchPatternRequest,
                            **options: Unpack[CallOptions]) -> v1.MatchPatternResponse:
        """The ways in which statements with variables fit the graph at once."""
        return await self._unary(self._graph.MatchPattern, request, options)

    async def similar_patients(self, request: v1.SimilarPatientsRequest,
                               **options: Unpack[CallOptions]) -> v1.SimilarPatientsResponse:
        """The patients who share most with one."""
        return await self._unary(self._graph.SimilarPatients, request, options)

    async def search_graph(self, request: v1.SearchRequest, **options: Unpack[CallOptions]) -> v1.SearchResponse:
        """Nodes by name in English or Chinese, or by code."""
        return await self._unary(self._graph.Search, request, options)

    async def render_graph(self, request: v1.RenderRequest, **options: Unpack[CallOptions]) -> v1.RenderResponse:
        """A node's neighbourhood as SVG."""
        return await self._unary(self._graph.Render, request, options)

    def export_graph(self, format: v1.GraphFormat.ValueType = v1.GraphFormat.GRAPH_FORMAT_NQUADS,
                     **options: Unpack[CallOptions]) -> AsyncStream[bytes]:
        """The whole graph as a document, piece by piece. It has no timeout unless told."""
        return self._stream(self._graph.Export, v1.ExportRequest(format=format), lambda piece: piece.data, options, None)

    async def list_models(self, **options: Unpack[CallOptions]) -> list[v1.Model]:
        """The models of the server's repositories, loaded or not, by name and version."""
        return list((await self._unary(self._models.ListModels, v1.ListModelsRequest(), options)).models)

    async def load_model(self, name: str, **options: Unpack[CallOptions]) -> list[v1.Model]:
        """Load a model, or load it anew, and give the versions that serve when it is ready."""
        return list((await self._unary(self._models.LoadModel, v1.LoadModelRequest(name=name), options)).models)

    async def unload_model(self, name: str, **options: Unpack[CallOptions]) -> None:
        """End a model once its running requests are done."""
        await self._unary(self._models.UnloadModel, v1.UnloadModelRequest(name=name), options)

    def watch_models(self, names: Iterable[str] = (), **options: Unpack[CallOptions]) -> AsyncStream[v1.Model]:
        """The state of the models named, or of all, then each change as it happens, until the server shuts down.

        It has no timeout unless told.
        """
        return self._stream(self._models.WatchModels, _requests.watch(names), lambda answer: answer.model, options, None)

    async def health(self, service: str = "", **options: Unpack[CallOptions]) -> bool:
        """Whether the server, or one service of it such as `bedside.v1.EmbeddingService`, can be reached and takes calls."""
        try:
            answer = await self._unary(self._health.Check, health_pb2.HealthCheckRequest(service=service), options)
        except UnavailableError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """End all calls and connections."""
        self._closing.set()
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def _unary(self, method: grpc.aio.UnaryUnaryMultiCallable[Q, R], request: Q, options: CallOptions) -> R:
        attempts = self._attempts(options, self._timeout)
        while True:
            try:
                return await method(request, timeout=attempts.left(), metadata=attempts.metadata)
            except asyncio.CancelledError:
                raise_if_closed(attempts.request_id)
                raise
            except grpc.RpcError as raised:
                error = attempts.error(raised)
                delay = attempts.pause(error)
                if delay is None or await comes(self._closing, delay):
                    raise error from raised

    def _stream(self, method: grpc.aio.UnaryStreamMultiCallable[Q, R], request: Q, pick: Callable[[R], T],
                options: CallOptions, timeout: float | None) -> AsyncStream[T]:
        attempts = self._attempts(options, timeout)
        return AsyncStream(attempts, lambda: method(request, timeout=attempts.left(), metadata=attempts.metadata), pick,
                           self._closing)

    def _attempts(self, options: CallOptions, timeout: float | None) -> Attempts:
        if self._closing.is_set():
            raise RuntimeError("the client is closed")
        return Attempts(options, timeout, self._caller)
