"""given(decider, *events).when(command).then(*events): the one way in which a decider is tested.

Every `then` asserts more than it is told: that the same command again adds nothing, that each event survives its Avro
schema, and that so does the folded state. Histories go on: `then` returns a `History` that takes the next `when`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from libs.contracts.avro import hash_of, schema_of
from libs.contracts.envelope import CommandEnvelope, EventEnvelope, follow
from libs.contracts.refusal import CommandRefused
from libs.domain.decider import Command, Decider
from libs.domain.history import advance, digest_of, respond, seal
from libs.domain.migration.archiving import ENDS, RETENTION_S

TENANT, AGGREGATE, ACTOR, ENVIRONMENT = "acme", "mig-7", "subject-1", "test"
NOW = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, when every history begins unless told otherwise."""
SECOND = 1_000_000
HOUR = 3_600 * SECOND


class Recorded(NamedTuple):
    """An event as the log holds it."""

    envelope: EventEnvelope
    body: Any
    encoded: bytes


def envelope_of(
    command_id: str, *, actor: str = ACTOR, now: int = NOW, expected_version: int = -1, environment: str = ENVIRONMENT
) -> CommandEnvelope:
    """Envelope of a command in a test."""
    return CommandEnvelope(
        command_id=command_id,
        tenant=TENANT,
        aggregate=AGGREGATE,
        environment=environment,
        actor=actor,
        correlation_id="correlation-1",
        occurred_at=now,
        expected_version=expected_version,
    )


def append(
    decider: Decider, state: Any, cause: CommandEnvelope, events: Sequence[Any], now: int, digest: bytes
) -> tuple[Any, list[Recorded]]:
    """Chain, encode and fold the events that answer a command, as the validator does."""
    recorded = []
    stream = state.stream
    exists = stream.version > 0 or not all(type(event) is CommandRefused for event in events)
    for ordinal, event in enumerate(events):
        version = stream.version + 1 if exists else 0
        envelope = follow(cause, ordinal=ordinal, version=version, recorded_at=now, previous=stream.head, digest=digest)
        schema = schema_of(type(event))
        encoded = schema.encode(event, envelope)
        recorded.append(Recorded(envelope, event, encoded))
        if exists:
            stream = advance(stream, envelope, hash_of(schema.fingerprint, encoded))
            stream = seal(stream) if type(event) is decider.archives else stream
            state = decider.evolve(state, event)
    return replace(state, stream=stream), recorded


class History:
    """What has happened to one aggregate so far."""

    def __init__(self, decider: Decider, state: Any, now: int, asked: int = 0) -> None:
        self.decider, self.state, self.now, self.asked = decider, state, now, asked

    def when(
        self,
        body: Any,
        *,
        now: int | None = None,
        after: int = SECOND,
        actor: str = ACTOR,
        command_id: str = "",
        expected_version: int = -1,
        environment: str = ENVIRONMENT,
    ) -> "Answer":
        """Ask. `now` is absolute, `after` counts from the last event; both in microseconds. Client commands get a new id each."""
        at = self.now + after if now is None else now
        id_ = command_id or f"command-{self.asked + 1}"
        envelope = envelope_of(id_, actor=actor, now=at, expected_version=expected_version, environment=environment)
        return Answer(self, Command(envelope, body), at)


class Answer:
    """What the decider says to a command, to be compared with what it should say."""

    def __init__(self, history: History, command: Command, now: int) -> None:
        self._history, self._command, self._now = history, command, now
        self._digest = digest_of(history.decider, command.body)
        self.events = list(respond(history.decider, history.state, command, now, self._digest))

    def then(self, *expected: Any) -> History:
        """Exactly these events, in this order. An end that is told without a date is archived after the standard time."""
        wanted = [_dated(event, self._now) for event in expected]
        assert self.events == wanted, _difference(wanted, self.events)
        return self.then_something()

    def then_nothing(self) -> History:
        """No event: a repeat, or stale."""
        return self.then()

    def then_refused(self, code: str) -> History:
        """One refusal with this code, naming the command and saying why."""
        assert [type(event) for event in self.events] == [CommandRefused], _difference([code], self.events)
        refusal = self.events[0]
        assert (refusal.code, refusal.command) == (code, type(self._command.body).__name__), repr(refusal)
        assert refusal.message
        return self.then_something()

    def then_types(self, *expected: type[Any]) -> History:
        """Events of these types, in this order, whatever they say."""
        assert [type(event) for event in self.events] == list(expected), _difference(list(expected), self.events)
        return self.then_something()

    def then_something(self) -> History:
        """Whatever was said: fold it, and hold it to what holds for every answer."""
        before = self._history
        state, recorded = append(before.decider, before.state, self._command.envelope, self.events, self._now, self._digest)
        for record in recorded:
            _survives_avro(record)
        _state_survives_avro(state)
        self._adds_nothing_twice(state)
        return History(before.decider, state, self._now, before.asked + 1)

    def _adds_nothing_twice(self, state: Any) -> None:
        # Nothing at first may be something later, e.g. a wake that came too early.
        for now in (self._now, self._now + HOUR) if self.events else (self._now,):
            again = list(respond(self._history.decider, state, self._command, now, self._digest))
            # The refusal of an unknown aggregate leaves no state behind (D1), so its repeat is answered alike.
            expected = self.events if state.stream.version == 0 else []
            assert again == expected, f"asked twice, it answered twice: {again}"


def given(decider: Decider, *events: Any, now: int = NOW) -> History:
    """A history in which these events have happened."""
    state, recorded = append(decider, decider.initial, envelope_of("before", now=now), events, now, b"")
    for record in recorded:
        _survives_avro(record)
    _state_survives_avro(state)
    return History(decider, state, now)


def _dated(event: Any, now: int) -> Any:
    return replace(event, archive_at=now + RETENTION_S * SECOND) if type(event) in ENDS and not event.archive_at else event


def _survives_avro(record: Recorded) -> None:
    assert schema_of(type(record.body)).decode(record.encoded) == (record.envelope, record.body)


def _state_survives_avro(state: Any) -> None:
    schema = schema_of(type(state))
    assert schema.decode(schema.encode(state))[1] == state


def _difference(expected: list[Any], actual: list[Any]) -> str:
    return "\n".join(["expected:", *(f"  {event!r}" for event in expected), "but was:", *(f"  {event!r}" for event in actual)])
