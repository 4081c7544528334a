"""An answer that comes in pieces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import grpc

from ._call import Attempts

T = TypeVar("T")


class Call(Protocol):
    """What grpc gives for a call with many answers."""

    def __next__(self) -> Any: ...
    def cancel(self) -> bool: ...


class Stream(Iterator[T], Generic[T]):
    """The answers of one call, one after the other as they come.

    Use it as a context manager, or call `close`, where it may be left before its end: that cancels the call, and the
    server stops working on it.
    """

    def __init__(self, attempts: Attempts, start: Callable[[], Call], pick: Callable[[Any], T],
                 closing: threading.Event) -> None:
        self._attempts, self._start, self._pick, self._closing = attempts, start, pick, closing
        self._answered = self._ended = False
        self._call = start()

    @property
    def request_id(self) -> str:
        """The call's id in the server's log."""
        return self._attempts.request_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """The next answer; raises a BedsideError where the call failed."""
        while not self._ended:
            try:
                piece = next(self._call, None)
            except grpc.RpcError as raised:
                error = self._attempts.error(raised)
                delay = None if self._answered or self._ended else self._attempts.pause(error)
                if delay is None or self._closing.wait(delay):
                    self._ended = True
                    raise error from raised
                self._call = self._start()
                if self._ended:  # closed meanwhile
                    self._call.cancel()
            else:
                if piece is None:
                    self._ended = True
                    self._attempts.finish()
                    break
                self._answered = True
                return self._pick(piece)
        raise StopIteration

    def close(self) -> None:
        """Cancel the call unless it has ended. A thread that waits for its next answer gets a CallCancelledError."""
        self._ended = True
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

