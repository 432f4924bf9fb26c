"""What holds for every aggregate's history: a command answered once, an expected version, refusals that leave a trace."""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from libs.contracts.envelope import EventEnvelope
from libs.contracts.refusal import CommandRefused
from libs.contracts.stream import Answered, Stream
from libs.domain.decider import Command, Context, Decider

REMEMBERED = 64
"""How many answered client commands state keeps; beyond that window If-Match is the guarantee (D2)."""


def digest_of(decider: Decider, body: Any) -> bytes:
    """First eight bytes of the SHA-256 of a client command's payload; empty for a worker's command."""
    if type(body) not in decider.client_commands:
        return b""
    return hashlib.sha256(type(body).__name__.encode() + msgspec.json.encode(_said(body), order="deterministic")).digest()[:8]


@cache
def _defaults(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (f.name, f.default_factory() if f.default_factory is not msgspec.NODEFAULT else f.default) for f in msgspec.structs.fields(kind)
    )


def _said(value: Any) -> Any:
    """A value without the members that are at their defaults: a release that adds one must know a retry of what an older one sent."""
    if isinstance(value, msgspec.Struct):
        return {name: _said(held) for name, default in _defaults(type(value)) if (held := getattr(value, name)) != default}
    return [_said(item) for item in value] if isinstance(value, tuple) else value


def respond(decider: Decider, state: Any, command: Command, now: int, digest: bytes) -> Sequence[Any]:
    """Events that answer a command: none for a repeat or a stale report, a refusal where a client asks in vain."""
    envelope, body = command
    if digest:
        refusal = _refusal(state.stream, command, digest)
        if refusal is not None:
            return refusal
    context = Context(
        envelope.tenant, envelope.aggregate, envelope.actor, now, envelope.environment, state.stream.version, envelope.command_id, digest
    )
    return decider.decide(state, body, context)


def _refusal(stream: Stream, command: Command, digest: bytes) -> Sequence[Any] | None:
    envelope, body = command
    name = type(body).__name__
    seen = [answered.digest for answered in stream.answered if answered.command_id == envelope.command_id]
    if digest in seen:
        return ()
    if seen:
        return [
            CommandRefused(command=name, code="key_reused", message="this Idempotency-Key was used with another payload; use a new key")
        ]
    if envelope.expected_version not in (-1, stream.version):
        message = f"expected version {envelope.expected_version}, but the aggregate is at version {stream.version}; read it again"
        return [CommandRefused(command=name, code="version_conflict", message=message)]
    return None


def advance(stream: Stream, envelope: EventEnvelope, hash_: bytes) -> Stream:
    """The stream after an event, given the event's hash."""
    answered = stream.answered
    if envelope.command_digest:
        answer = Answered(envelope.causation_id, envelope.command_digest)
        if answer not in answered:
            answered = (*answered, answer)[-REMEMBERED:]
    return Stream(envelope.version, hash_, answered, stream.correlation_id or envelope.correlation_id)
