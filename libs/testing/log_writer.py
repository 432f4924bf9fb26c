"""Writes events as the validator would, without running one: drives the deciders and produces what they decide."""

import zlib
from random import Random  # noqa: TID251 - given a seed by whoever calls
from typing import Any

from confluent_kafka import KafkaError, Message, Producer
from msgspec.structs import replace

from libs.contracts.envelope import CommandEnvelope, follow, key_of
from libs.contracts.migration import commands as c
from libs.contracts.migration.gates import AdmitMigration
from libs.contracts.migration.plan import Plan
from libs.contracts.migration.request import Request
from libs.contracts.refusal import CommandRefused
from libs.contracts.topics import events_of
from libs.contracts.values import Problem
from libs.contracts.work import FAILED, STOPPED, SUCCEEDED, ReportWork
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command
from libs.domain.history import advance, digest_of, respond, seal
from libs.runtime.codec import Codec
from libs.testing.waiting import PARTITIONS

START = 1_700_000_000_000_000
BROKEN = Problem(code="disk_full", category="migration_execution", message="the target's disk is full")


class LogWriter:
    """One writer of the events of a prefix. Its clock goes on by itself, `tick` microseconds a command.

    Like the validator it names the partition itself, so that no aggregate moves while a new topic becomes known.
    """

    def __init__(
        self, codec: Codec, producer: Producer, prefix: str, *, partitions: int = PARTITIONS, now: int = START, tick: int = 1_000
    ) -> None:
        self._codec, self._producer, self._prefix, self._partitions = codec, producer, prefix, partitions
        self.now, self._tick = now, tick
        self._numbers = 0
        self.states: dict[tuple[str, str, str], Any] = {}
        self.events = 0
        self._failed: list[KafkaError] = []
        self._begun: set[tuple[str, int]] = set()

    def tell(self, kind: str, tenant: str, aggregate: str, body: Any, *, actor: str = "user-1", command_id: str = "") -> list[Any]:
        """Let an aggregate decide a command, and produce its events; returns their bodies."""
        self.now += self._tick
        self._numbers += 1
        decider, key = DECIDERS[kind], (kind, tenant, aggregate)
        state = self.states.get(key, decider.initial)
        command_id = command_id or f"command-{self._numbers}"
        envelope = CommandEnvelope(
            command_id=command_id,
            tenant=tenant,
            aggregate=aggregate,
            environment="test",
            actor=actor,
            correlation_id=f"correlation-{tenant}-{aggregate}",
            occurred_at=self.now - 500,
        )
        digest = digest_of(decider, body)
        bodies = list(respond(decider, state, Command(envelope, body), self.now, digest))
        exists = state.stream.version > 0 or (bool(bodies) and type(bodies[0]) is not CommandRefused)
        topic, record_key, stream = events_of(self._prefix, kind), key_of(tenant, aggregate), state.stream
        for ordinal, event in enumerate(bodies):
            version = stream.version + 1 if exists else 0
            written = follow(envelope, ordinal=ordinal, version=version, recorded_at=self.now, previous=stream.head, digest=digest)
            record = self._codec.event(topic, written, event, record_key, b"")
            self.produce(topic, record.key, record.value, record.headers, zlib.crc32(record_key) % self._partitions)
            if exists:
                stream = advance(stream, written, record.hash)
                stream = seal(stream) if type(event) is decider.archives else stream
                state = decider.evolve(state, event)
        self.states[key] = replace(state, stream=stream)
        return bodies

    def produce(self, topic: str, key: bytes | None, value: bytes | None, headers: Any = None, partition: int = -1) -> None:
        """Produce one record, whatever it is."""
        self.events += 1
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._delivered, headers=headers)
                break
            except BufferError:
                self._producer.poll(0.1)
        if (topic, partition) not in self._begun:
            # A broker takes any sequence number as a new producer's first: were more on their way while a topic is being
            # created, a later record could come in before the first, whose repeat is then answered as a duplicate and is lost.
            self._begun.add((topic, partition))
            self.flush()

    def flush(self) -> None:
        """Return once everything is on the broker."""
        assert self._producer.flush(60) == 0
        assert not self._failed, self._failed[0]

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failed.append(error)

    def request(self, tenant: str, aggregate: str, plan: Plan, **settings: Any) -> None:
        """A migration that is planned and runs its first step."""
        usual = {"provider": "rehearsal", "application": "billing", "source": "{}", "target": "{}", "retention_seconds": 1}
        request = Request(**{**usual, **settings})
        self.tell("migration", tenant, aggregate, c.RequestMigration(request=request))
        work = self.states["migration", tenant, aggregate].pending[0]
        self.tell("migration", tenant, aggregate, c.ReportPlan(work_id=work.work_id, attempt=work.attempt, plan=plan))
        if request.wave:
            self.tell("migration", tenant, aggregate, AdmitMigration(turn=1, after=request.depends_on))

    def report(self, tenant: str, aggregate: str, outcome: str = SUCCEEDED, *, retryable: bool = False, index: int = 0) -> bool:
        """A worker's report on work in flight; False when there is none."""
        pending = self.states["migration", tenant, aggregate].pending
        if not pending:
            return False
        work = pending[index % len(pending)]
        report = ReportWork(
            work_id=work.work_id,
            attempt=work.attempt,
            outcome=outcome,
            evidence={"rows": 41} if outcome == SUCCEEDED else {},
            problem=BROKEN if outcome == FAILED else None,
            retryable=retryable,
        )
        self.tell("migration", tenant, aggregate, report)
        return True

    def wander(self, tenant: str, aggregate: str, chance: Random) -> None:
        """Something that may happen to a migration: mostly work that succeeds, now and then anything else."""
        state = self.states["migration", tenant, aggregate]
        roll = chance.random()
        if state.wake_at and roll < 0.3:
            self.now = max(self.now, state.wake_at)
            self.tell("migration", tenant, aggregate, c.WakeMigration(wake_at=state.wake_at))
        elif roll < 0.75:
            if not self.report(tenant, aggregate, index=chance.randrange(4)):
                self._operate(tenant, aggregate, chance)
        elif roll < 0.85:
            outcome = chance.choice([FAILED, STOPPED])
            self.report(tenant, aggregate, outcome, retryable=chance.random() < 0.5, index=chance.randrange(4))
        else:
            self._operate(tenant, aggregate, chance)

    def _operate(self, tenant: str, aggregate: str, chance: Random) -> None:
        commands = [
            c.PauseMigration(reason="lunch"),
            c.ResumeMigration(),
            c.ResumeMigration(),
            c.CancelMigration(reason="not wanted"),
            c.RollBackMigration(reason="wrong target"),
            c.RetryMigration(),
            c.RetryMigration(from_step="step_0"),
            c.SkipCompensation(reason="done by hand"),
            c.ApproveMigration(),
            c.ApproveMigration(),
            c.RefuseApproval(reason="no"),
        ]
        self.tell("migration", tenant, aggregate, chance.choice(commands))
