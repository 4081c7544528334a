"""What one call takes with it, and when it is made again."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Final, TypedDict

import grpc

from ._errors import REQUEST_ID, BedsideError, DeadlineExceededError, from_rpc
from ._options import MAX_ATTEMPTS, read_token

TENANT: Final = "bedside-tenant"
AUTHORIZATION: Final = "authorization"
PURPOSE: Final = "x-purpose-of-use"
_LEAST_DELAY: Final = 0.01


class CallOptions(TypedDict, total=False):
    """What every call takes beside its request."""

    timeout: float | None
    """Seconds until the call fails with DeadlineExceededError; None for never. Unset: the client's."""
    request_id: str
    """The call's id in the server's log: up to 64 letters, digits, dots, dashes and underscores. Unset: a random one."""
    metadata: Mapping[str, str]
    """Further metadata to send."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What every call of a client says of who is calling."""

    tenant: str = ""
    token_file: str | PathLike[str] | None = None
    purpose: str = ""

    def metadata(self, own: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """What is sent beside `own`, which wins. The token is read anew, since it may have been renewed."""
        out = {}
        if self.tenant:
            out[TENANT] = self.tenant
        if self.purpose:
            out[PURPOSE] = self.purpose
        if self.token_file is not None and AUTHORIZATION not in own:
            out[AUTHORIZATION] = f"Bearer {read_token(self.token_file)}"
        return tuple((key, value) for key, value in out.items() if key not in own)


class Attempts:
    """One call, through all its attempts: its id, its metadata and the time that is left.

    A full queue is answered RESOURCE_EXHAUSTED with the time to wait. gRPC's own retries do not read that, and cannot
    tell a full queue from a message that is too large, which no retry mends: such answers are retried here.
    """

    def __init__(self, options: CallOptions, timeout: float | None, caller: Caller) -> None:
        timeout = options.get("timeout", timeout)
        self.request_id = options.get("request_id") or secrets.token_hex(8)
        own = options.get("metadata", {})
        self.metadata = (*own.items(), (REQUEST_ID, self.request_id), *caller.metadata(own))
        self._ends = None if timeout is None else time.monotonic() + timeout
        self._made = 1
        self.own_error: Exception | None = None
        """What the caller's own records raised; the call then ends after the answers to those before."""

    def once(self) -> None:
        """Make this the only attempt."""
        self._made = MAX_ATTEMPTS

    def finish(self) -> None:
        """Raise what the caller's own records raised, if they did."""
        if self.own_error is not None:
            raise self.own_error

    def left(self) -> float | None:
        """Seconds until the deadline, for gRPC's `timeout`."""
        return None if self._ends is None else max(self._ends - time.monotonic(), 0.0)

    def error(self, raised: grpc.RpcError) -> BedsideError:
        """The exception for what gRPC raised."""
        error = from_rpc(raised, self.request_id)
        # The server resets the stream at the deadline, and where that is faster than gRPC's own timer, it reads as a
        # cancellation.
        if error.code is grpc.StatusCode.CANCELLED and self.left() == 0:
            return DeadlineExceededError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", request_id=error.request_id)
        return error

    def pause(self, error: BedsideError) -> float | None:
        """How long to wait before the call is made again; None where `error` is the caller's to know.

        A wait that would pass the deadline is not begun: `error` says more than a late DeadlineExceededError.
        """
        if error.code is not grpc.StatusCode.RESOURCE_EXHAUSTED or error.retry_after is None or self._made >= MAX_ATTEMPTS:
            return None
        # Up to a quarter more, so that those turned down together do not return together.
        delay = max(error.retry_after, _LEAST_DELAY) * random.uniform(1, 1.25)
        left = self.left()
        if left is not None and left <= delay:
            return None
        self._made += 1
        return delay
