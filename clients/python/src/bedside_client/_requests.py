"""Requests from keyword arguments. Values are checked by the server, which names each field at fault."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

from . import v1
from ._call import Attempts, CallOptions

Prompt: TypeAlias = "str | Sequence[v1.ChatMessage]"
"""A text to continue as it stands, or the messages of a chat."""
Record: TypeAlias = "str | Mapping[str, Any] | v1.PatientRecord | v1.RecordSource"
"""A FHIR R4 Bundle or resource, as JSON text or parsed; HL7 v2 messages; the typed record; or a RecordSource."""
Signal: TypeAlias = "v1.SampledSignal | v1.WfdbRecord | v1.SignalSource"
"""A waveform, or a file as a SignalSource: `v1.SignalSource(edf=data)`, `dicom`, `wav`."""
EmbeddingKind: TypeAlias = Literal["query", "passage"]

SummaryStyle: TypeAlias = Literal["", "brief", "handover", "discharge"]

_STYLES = {"": v1.SummaryStyle.SUMMARY_STYLE_UNSPECIFIED, "brief": v1.SummaryStyle.SUMMARY_STYLE_BRIEF,
           "handover": v1.SummaryStyle.SUMMARY_STYLE_HANDOVER, "discharge": v1.SummaryStyle.SUMMARY_STYLE_DISCHARGE}

_KINDS = {"query": v1.EmbeddingKind.EMBEDDING_KIND_QUERY, "passage": v1.EmbeddingKind.EMBEDDING_KIND_PASSAGE}
_CALL = frozenset(CallOptions.__annotations__)
_FORMS = frozenset({"choices", "regex", "json_schema"})


class GenerateOptions(CallOptions, total=False):
    """How a text is written. All unset: greedy decoding by the server's default model."""

    model: str
    max_tokens: int
    """Most tokens to write. Unset: 256, or what is left of the model's context."""
    temperature: float
    """0 takes the likeliest token each time; 1 draws from the model's own distribution."""
    top_k: int
    top_p: float
    min_p: float
    seed: int
    """The same seed, request and model give the same text. Unset: one is drawn."""
    stop: Sequence[str]
    """The text ends before the first of these."""
    repetition_penalty: float
    logprobs: int
    """Report this many likeliest alternatives of each token."""
    choices: Sequence[str]
    """The text is one of these. At most one of `choices`, `regex` and `json_schema` is given."""
    regex: str
    """The text matches this as a whole, in Go's syntax (RE2's)."""
    json_schema: str | Mapping[str, Any]
    """The text is JSON that fulfils this schema, which is JSON text or parsed."""


class PrepareOptions(CallOptions, total=False):
    """What is done to a record and what comes back. All unset: all stages, no gaps filled, the record and its reports."""

    skip_stages: Sequence[str]
    """Of `units`, `clock`, `duplicates`, `plausibility`, `artefacts` and `gaps`."""
    fill_interval_minutes: int
    """Step of the grid on which gaps are filled; 0 fills none."""
    include_raw: bool
    """Also the readings as they were filed, where they were changed or merged away."""
    include_features: bool
    include_vector: bool
    text: v1.TextOptions
    """Also the record in words."""


def system(content: str) -> v1.ChatMessage:
    """What the model is told before the conversation."""
    return v1.ChatMessage(role="system", content=content)


def user(content: str) -> v1.ChatMessage:
    """A turn of the person."""
    return v1.ChatMessage(role="user", content=content)


def assistant(content: str) -> v1.ChatMessage:
    """A turn of the model."""
    return v1.ChatMessage(role="assistant", content=content)


def call_options(options: Mapping[str, object]) -> CallOptions:
    """The part of `options` that concerns the call and not its request."""
    return cast(CallOptions, {k: v for k, v in options.items() if k in _CALL})


def generate(prompt: Prompt, options: GenerateOptions) -> v1.GenerateRequest:
    sampling: dict[str, Any] = {k: v for k, v in options.items() if k not in _CALL | _FORMS and k != "model"}
    unknown = sampling.keys() - GenerateOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    return v1.GenerateRequest(model=options.get("model", ""), sampling=v1.Sampling(**sampling),
                              constraint=_constraint(options), **_input(prompt))


def _constraint(options: GenerateOptions) -> v1.Constraint | None:
    given = sorted(_FORMS & options.keys())
    if len(given) > 1:
        raise TypeError(f"{' and '.join(given)} exclude one another")
    if "choices" in options:
        _refuse_text(options["choices"], "choices")
        return v1.Constraint(choices=v1.Choices(texts=options["choices"]))
    if "regex" in options:
        return v1.Constraint(regex=options["regex"])
    if "json_schema" in options:
        schema = options["json_schema"]
        return v1.Constraint(json_schema=schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False))
    return None


def score(prompt: Prompt, continuations: Iterable[str], model: str) -> v1.ScoreRequest:
    _refuse_text(continuations, "continuations")
    return v1.ScoreRequest(model=model, continuations=continuations, **_input(prompt))


def tokenize(text: Prompt, parse_special: bool, model: str) -> v1.TokenizeRequest:
    what = _input(text)
    if "prompt" in what:
        what = {"text": what["prompt"]}
    return v1.TokenizeRequest(model=model, parse_special=parse_special, **what)


def embed(texts: Iterable[str], kind: EmbeddingKind, truncate: bool, model: str) -> v1.EmbedRequest:
    _refuse_text(texts, "texts")
    if kind not in _KINDS:
        raise ValueError(f"kind is {kind!r}, must be one of {', '.join(map(repr, _KINDS))}")
    return v1.EmbedRequest(model=model, texts=texts, kind=_KINDS[kind], truncate=truncate)


def summarize(record: Record, language: str, include_facts: bool, model: str, style: SummaryStyle = "",
              token_budget: int = 0) -> v1.SummarizeRecordRequest:
    if style not in _STYLES:
        raise ValueError(f"style is {style!r}, must be one of {', '.join(map(repr, _STYLES))}")
    return v1.SummarizeRecordRequest(source=source(record), language=language, include_facts=include_facts, model=model,
                                     style=_STYLES[style], token_budget=token_budget)


def diagnose(record: Record, language: str, max_suggestions: int, readings: bool, model: str) -> v1.SuggestDiagnosesRequest:
    return v1.SuggestDiagnosesRequest(source=source(record), language=language, max_suggestions=max_suggestions,
                                      omit_readings=not readings, model=model)


def treat(record: Record, diagnosis: str, language: str, model: str) -> v1.SuggestTreatmentsRequest:
    return v1.SuggestTreatmentsRequest(source=source(record), diagnosis=diagnosis, language=language, model=model)


def source(record: Record) -> v1.RecordSource:
    """A record as it is sent. HL7 v2 is told from FHIR by its first segment."""
    if isinstance(record, v1.RecordSource):
        return record
    if isinstance(record, v1.PatientRecord):
        return v1.RecordSource(record=record)
    if isinstance(record, str):
        if record.lstrip("\x0b\r\n").startswith(("MSH|", "FHS|", "BHS|")):
            return v1.RecordSource(hl7v2=record)
        return v1.RecordSource(fhir_json=record)
    return v1.RecordSource(fhir_json=json.dumps(record, ensure_ascii=False, allow_nan=False))


def prepare(records: Iterable[Record], options: PrepareOptions, attempts: Attempts) -> Iterator[v1.PrepareRecordsRequest]:
    # One record is an iterable too, of letters or of keys.
    if isinstance(records, (str, bytes, Mapping)):
        raise TypeError("records is one record, must be a list of records")
    return _each(iter(records), _preparation(options), attempts)


def _each(records: Iterator[Record], how: v1.PreparationOptions, attempts: Attempts) -> Iterator[v1.PrepareRecordsRequest]:
    try:
        for record in records:
            yield v1.PrepareRecordsRequest(source=source(record), options=how)
    except Exception as error:
        attempts.own_error = error  # gRPC would say no more than that the call ended


def prepare_async(records: AsyncIterable[Record], options: PrepareOptions,
                  attempts: Attempts) -> AsyncIterator[v1.PrepareRecordsRequest]:
    return _each_async(records, _preparation(options), attempts)


async def _each_async(records: AsyncIterable[Record], how: v1.PreparationOptions,
                      attempts: Attempts) -> AsyncIterator[v1.PrepareRecordsRequest]:
    try:
        async for record in records:
            yield v1.PrepareRecordsRequest(source=source(record), options=how)
    except Exception as error:
        attempts.own_error = error


def _preparation(options: PrepareOptions) -> v1.PreparationOptions:
    what: dict[str, Any] = {k: v for k, v in options.items() if k not in _CALL}
    unknown = what.keys() - PrepareOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    return v1.PreparationOptions(**what)


def describe_signal(signal: Signal, language: str) -> v1.DescribeSignalRequest:
    if isinstance(signal, v1.SampledSignal):
        signal = v1.SignalSource(sampled=signal)
    elif isinstance(signal, v1.WfdbRecord):
        signal = v1.SignalSource(wfdb=signal)
    return v1.DescribeSignalRequest(source=signal, language=language)


def watch(names: Iterable[str]) -> v1.WatchModelsRequest:
    _refuse_text(names, "names")
    return v1.WatchModelsRequest(names=names)


def _input(prompt: Prompt) -> dict[str, Any]:
    """The request's `input`. An empty chat is sent as one, for the server to refuse by its name."""
    return {"prompt": prompt} if isinstance(prompt, str) else {"chat": v1.Chat(messages=prompt)}


def _refuse_text(texts: Iterable[str], name: str) -> None:
    # A string is an iterable of strings, and would be taken apart into its letters.
    if isinstance(texts, str):
        raise TypeError(f"{name} is one string, must be a list of strings")
