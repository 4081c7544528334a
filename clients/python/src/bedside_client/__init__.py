"""The Python client of a Bedside server.

    from bedside_client import Client, user

    with Client("127.0.0.1:8001") as client:
        for piece in client.stream([user("What is sinus tachycardia?")], max_tokens=60):
            print(piece.text, end="", flush=True)

Requests are keyword arguments; answers are the messages of the protocol, in `bedside_client.v1`. Every call has a
timeout and is tried again where that is harmless; one that fails raises a BedsideError. AsyncClient is the same for
asyncio.
"""

from ._aio import AsyncClient, AsyncStream
from ._call import CallOptions
from ._client import Client
from ._errors import (
    BedsideError,
    CallCancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
    Violation,
)
from ._options import TlsFiles
from ._requests import GenerateOptions, PrepareOptions, assistant, system, user
from ._stream import Stream

__all__ = [
    "AsyncClient", "AsyncStream", "BedsideError", "CallCancelledError", "CallOptions", "Client", "DeadlineExceededError",
    "FailedPreconditionError", "GenerateOptions", "InternalError", "InvalidArgumentError", "NotFoundError",
    "PermissionDeniedError", "PrepareOptions", "ResourceExhaustedError", "Stream", "TlsFiles", "UnauthenticatedError",
    "UnavailableError", "UnimplementedError", "Violation", "assistant", "system", "user",
]
