"""What a failed call raises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

REQUEST_ID: Final = "x-request-id"
_DETAILS: Final = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that the server turned down."""

    field: str
    """The field's path, such as `sampling.max_tokens` or `Bundle.entry[3].resource.valueQuantity.value`."""
    description: str
    """What is wrong and what is expected."""


class BedsideError(Exception):
    """A call that failed. Its subclasses stand for the gRPC codes that callers tell apart; others raise this one.

    Neither the text nor any field holds what was asked.
    """

    def __init__(self, code: grpc.StatusCode, message: str, *, request_id: str = "", reason: str = "",
                 violations: tuple[Violation, ...] = (), retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id
        """The call's id, by which the server's log knows it."""
        self.reason = reason
        """The machine-readable cause, such as `QUEUE_FULL` (google.rpc.ErrorInfo); empty where the server gave none."""
        self.violations = violations
        """What is wrong with the request, field by field (google.rpc.BadRequest)."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait before the call is made again (google.rpc.RetryInfo), or None. The client
        has already waited and tried again by itself where the call's deadline allowed for it."""

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}" + (f" (request {self.request_id})" if self.request_id else "")


class InvalidArgumentError(BedsideError):
    """The request breaks a rule, or a record cannot be read: `violations` says where."""


class NotFoundError(BedsideError):
    """There is no model or service of that name."""


class FailedPreconditionError(BedsideError):
    """The server is not set up for this call, such as loading a model where models are not loaded by call."""


class ResourceExhaustedError(BedsideError):
    """The queue is full (`retry_after` says for how long), or a message is larger than allowed."""


class UnavailableError(BedsideError):
    """The server cannot be reached, is shutting down, or the model is not ready."""


class DeadlineExceededError(BedsideError, TimeoutError):
    """The call's timeout passed before the answer was there."""


class CallCancelledError(BedsideError):
    """The call was cancelled: its stream or its client was closed while it waited."""


class UnimplementedError(BedsideError):
    """The server does not know this call."""


class UnauthenticatedError(BedsideError):
    """The server does not know who is calling."""


class PermissionDeniedError(BedsideError):
    """The server knows the caller, who may not do this."""


class InternalError(BedsideError):
    """The server failed; its log says more under the request's id."""


_BY_CODE: Final[dict[grpc.StatusCode, type[BedsideError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.CANCELLED: CallCancelledError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.INTERNAL: InternalError,
}


def from_rpc(error: grpc.RpcError, request_id: str) -> BedsideError:
    """The exception for what gRPC raised; `request_id` is the id that was sent."""
    code = error.code()
    reason, violations, retry_after = _details(b"")
    for key, value in cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ()):
        if key == REQUEST_ID and isinstance(value, str):
            request_id = value
        elif key == _DETAILS and isinstance(value, bytes):
            reason, violations, retry_after = _details(value)
    return _BY_CODE.get(code, BedsideError)(code, error.details() or "", request_id=request_id, reason=reason,
                                            violations=violations, retry_after=retry_after)


def _details(value: bytes) -> tuple[str, tuple[Violation, ...], float | None]:
    """Reason, violations and delay from a google.rpc.Status; a proxy's own or broken details count as none."""
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    delay = None
    try:
        for detail in status_pb2.Status.FromString(value).details:
            if detail.Unpack(retry):
                delay = max(retry.retry_delay.ToTimedelta().total_seconds(), 0.0)
            elif not detail.Unpack(info):
                detail.Unpack(bad)
    except (DecodeError, OverflowError):
        return "", (), None
    return info.reason, tuple(Violation(v.field, v.description) for v in bad.field_violations), delay
