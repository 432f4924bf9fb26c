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

SEALED = "#"
"""What the id of an answered command begins with that is a hash."""
REMEMBERED = 64
"""How many answered client commands state keeps, the first of all among them; beyond that window If-Match is the guarantee (D2)."""


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
    known: tuple[str, ...] = (envelope.command_id,)
    if stream.answered and stream.answered[0].command_id.startswith(SEALED):
        known = (*known, _mark(envelope.command_id))
    seen = [answered.digest for answered in stream.answered if answered.command_id in known]
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


def seal(stream: Stream) -> Stream:
    """The stream of an archived aggregate: the last version, the chain head, and the key of the first command as a hash."""
    first = [Answered(_mark(answered.command_id), answered.digest) for answered in stream.answered[:1]]
    return Stream(stream.version, stream.head, tuple(first))


def _mark(command_id: str) -> str:
    """What a sealed stream knows a command by."""
    return SEALED + hashlib.sha256(command_id.encode()).hexdigest()[:16]


def advance(stream: Stream, envelope: EventEnvelope, hash_: bytes) -> Stream:
    """The stream after an event, given the event's hash."""
    answered = stream.answered
    if envelope.command_digest:
        answer = Answered(envelope.causation_id, envelope.command_digest)
        if answer not in answered:
            # The first is what brought it into being: its repeat must be known as long as there is a state.
            answered = (*answered, answer) if len(answered) < REMEMBERED else (answered[0], *answered[2:], answer)
    return Stream(envelope.version, hash_, answered, stream.correlation_id or envelope.correlation_id)
