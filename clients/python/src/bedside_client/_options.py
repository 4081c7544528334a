"""How a client connects: target, encryption, and the channel's arguments."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc

MAX_MESSAGE_BYTES: Final = 96 << 20
"""The largest request and answer: a record of 64 MiB, with room for what JSON in a string costs."""
DEFAULT_TIMEOUT: Final = 300.0
"""Seconds that a call may take which names no timeout of its own."""
MAX_ATTEMPTS: Final = 4
MAX_TOKEN_BYTES: Final = 64 << 10
USER_AGENT: Final = "bedside-python/0.1.0"

ChannelOptions: TypeAlias = Sequence[tuple[str, Any]]

# Calls that read and change nothing, or change the same again, can be made again after they failed halfway. Loading and
# unloading are left out, and streams of records: their caller knows which were answered.
_RETRIED: Final = (
    ("bedside.v1.GenerationService", ""),
    ("bedside.v1.EmbeddingService", ""),
    ("bedside.v1.KnowledgeGraphService", ""),  # what it stores twice is there once
    ("bedside.v1.ClinicalService", ""),
    ("bedside.v1.PreparationService", "DescribeSignal"),
    ("bedside.v1.PreparationService", "Deidentify"),
    ("bedside.v1.ModelService", "ListModels"),
    ("bedside.v1.ModelService", "WatchModels"),
)
_WAITING: Final = (("bedside.v1.ModelService", ""), ("bedside.v1.PreparationService", ""))


def service_config(wait_for_ready: bool) -> str:
    """The service config in JSON (gRFC A2); retries of UNAVAILABLE are gRPC's own (gRFC A6)."""
    retry = {"maxAttempts": MAX_ATTEMPTS, "initialBackoff": "0.2s", "maxBackoff": "5s", "backoffMultiplier": 2,
             "retryableStatusCodes": ["UNAVAILABLE"]}
    return json.dumps({
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [
            {"name": _names(_RETRIED), "waitForReady": wait_for_ready, "retryPolicy": retry},
            {"name": _names(_WAITING), "waitForReady": wait_for_ready},
        ],
        # A server that keeps failing is not asked four times as often for it.
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    })


def _names(methods: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"service": service, **({"method": method} if method else {})} for service, method in methods]


def channel_options(wait_for_ready: bool, user_agent: str, extra: ChannelOptions) -> list[tuple[str, Any]]:
    """The channel's arguments; `extra` comes last and wins."""
    return [
        ("grpc.service_config", service_config(wait_for_ready)),
        ("grpc.primary_user_agent", f"{user_agent} {USER_AGENT}".strip()),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        # gRPC gives up retrying a request that is larger than this, 256 KiB unless told: most records are.
        ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
        # Pings find a peer that died while a call waited, which TCP alone does not. A waiting call sends no data.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.max_pings_without_data", 0),
        # A restarted server is found again soon, instead of after up to two minutes.
        ("grpc.max_reconnect_backoff_ms", 5_000),
        *extra,
    ]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files in PEM form to encrypt with, in the place of what the system has: what to trust, and who one is."""

    ca: str | PathLike[str] | None = None
    """Authorities to trust instead of the system's."""
    cert: str | PathLike[str] | None = None
    """Client certificate to show, with its chain; needs `key`."""
    key: str | PathLike[str] | None = None
    """Private key of `cert`."""

    def read(self) -> grpc.ChannelCredentials:
        """The credentials of gRPC."""
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        ca, key, cert = (None if file is None else Path(file).read_bytes() for file in (self.ca, self.key, self.cert))
        return grpc.ssl_channel_credentials(ca, key, cert)


Tls: TypeAlias = bool | TlsFiles | grpc.ChannelCredentials | None


def credentials(target: str, tls: Tls) -> grpc.ChannelCredentials | None:
    """What to encrypt with, or None for plain text."""
    if isinstance(tls, grpc.ChannelCredentials):
        return tls
    if isinstance(tls, TlsFiles):
        return tls.read()
    if tls is None:
        tls = not is_local(target)
    return grpc.ssl_channel_credentials() if tls else None


def read_token(path: str | PathLike[str]) -> str:
    """The token in a file that holds nothing else. Errors do not quote it."""
    text = Path(path).read_bytes()[:MAX_TOKEN_BYTES + 1]
    token = text.strip()
    if not token or len(text) > MAX_TOKEN_BYTES or any(byte <= 0x20 or byte > 0x7E for byte in token):
        raise ValueError(f"{path} does not hold one token and nothing else")
    return token.decode()


def is_local(target: str) -> bool:
    """Whether all that `target` names is on this machine.

    A name other than localhost is not looked up: what it resolves to can change between then and the call.
    """
    scheme, found, rest = target.partition(":")
    if found and scheme in ("unix", "unix-abstract"):
        return True
    if found and scheme in ("dns", "ipv4", "ipv6"):
        target = rest
        if rest.startswith("//"):
            target = rest[2:].partition("/")[2]  # what is between is a DNS server
    return all(_is_local_address(address) for address in target.split(","))


def _is_local_address(address: str) -> bool:
    host = address
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        host = address.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
