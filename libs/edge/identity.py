"""Identifiers that ingress makes, all derived from their cause, so that a retry makes the same ones."""

import re
from uuid import UUID, uuid5

from libs.runtime.clock import new_id, new_traceparent

_COMMANDS = UUID("6d1f7b0e-3c52-5d0c-9d3a-5f1f6f3a9b01")
_AGGREGATES = UUID("0b3e9a54-5d0f-5a7e-8c11-2f7d9f4e6c02")
_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$")
_CORRELATION = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")
IDEMPOTENCY_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")


def command_id_of(tenant: str, key: str) -> str:
    """Command id of an Idempotency-Key: UUIDv5 over tenant and key. The format is a deduplication key: never change it."""
    return str(uuid5(_COMMANDS, f"{tenant}\n{key}"))


def aggregate_id_of(tenant: str, key: str) -> str:
    """Id of what a request with this Idempotency-Key creates, when it names none. Never change it."""
    return str(uuid5(_AGGREGATES, f"{tenant}\n{key}"))


def correlation_of(given: str | None) -> str:
    """The correlation id of a request: the one it carries when that is well formed, else a new one."""
    return given if given and _CORRELATION.match(given) else new_id()


def traceparent_of(given: str | None) -> str:
    """W3C trace context for what a request leads to: a child of the caller's trace, or a new trace."""
    match = _TRACEPARENT.match(given or "")
    if match is None or (match.group(3) and (given or "").startswith("00")):
        return new_traceparent()
    return f"00-{match.group(1)}-{new_id()[:16]}-{match.group(2)}"


def trace_id_of(traceparent: str) -> str:
    """Trace id within a trace context."""
    return traceparent[3:35]
