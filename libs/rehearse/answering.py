"""One command answered as the validator answers it: decided, chained, folded, and what the policies make of it. Nothing is encoded."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from libs.contracts.envelope import EventEnvelope, follow
from libs.contracts.refusal import CommandRefused
from libs.domain.decider import Command, Decider
from libs.domain.history import advance, digest_of, respond, seal
from libs.domain.policy import Policies, consequences

Hash = Callable[[EventEnvelope, Any], bytes]


class Entry(NamedTuple):
    """One event of a log."""

    envelope: EventEnvelope
    body: Any


class Sent(NamedTuple):
    """A command, and the kind of aggregate it is for."""

    kind: str
    command: Command


class Answer(NamedTuple):
    """What a command leads to: events with their hashes, the state after them, and the commands of policies.

    `exists` is false for the refusal of a command to an aggregate that there is not: it creates no state.
    """

    events: list[tuple[Entry, bytes]]
    state: Any
    sent: list[Sent]
    exists: bool


def quick_hash(envelope: EventEnvelope, body: Any) -> bytes:
    """A stand-in for the chain hash that needs no Avro."""
    return envelope.event_id.encode()


def answer(decider: Decider, policies: Policies, state: Any, command: Command, now: int, hash_of: Hash = quick_hash) -> Answer:
    """Answer a command at a moment, in microseconds since the epoch. Raises TooManyCommands."""
    digest = digest_of(decider, command.body)
    decided = respond(decider, state, command, now, digest)
    stream, events, sent = state.stream, list[tuple[Entry, bytes]](), list[Sent]()
    exists = stream.version > 0 or any(type(event) is not CommandRefused for event in decided)
    for ordinal, event in enumerate(decided):
        version = stream.version + 1 if exists else 0
        envelope = follow(command.envelope, ordinal=ordinal, version=version, recorded_at=now, previous=stream.head, digest=digest)
        hash_ = hash_of(envelope, event)
        events.append((Entry(envelope, event), hash_))
        if exists:
            stream, state = advance(stream, envelope, hash_), decider.evolve(state, event)
            stream = seal(stream) if type(event) is decider.archives else stream
            policy = policies.get(type(event))
            if policy is not None:
                sent += [Sent(kind, Command(to, body)) for kind, to, body in consequences(policy, event, envelope, state)]
    return Answer(events, replace(state, stream=stream) if events and exists else state, sent, exists)
