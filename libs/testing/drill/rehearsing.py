"""The run rehearsed from a position in it: forked where a part had been done, twice, on a log that nobody else writes any more."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from libs.readmodel.position import parse
from libs.rehearse.log import Source, Span
from libs.rehearse.rehearsing import Question, rehearse
from libs.testing.drill.calendars import EPOCH
from libs.testing.drill.people import LOOK_S
from libs.testing.drill.report import Rehearsed

SHARE = 0.3
"""How much of the servers has ended where the log is forked."""
PEOPLE = {"resume_s": LOOK_S, "unblock_s": LOOK_S}
"""What they certainly do, also in a run in which nobody had to."""
READ_S = 120.0
RUNS = 20
Document = dict[str, Any]


class Marker:
    """Keeps the first position at which so many servers had ended."""

    def __init__(self) -> None:
        self.position = ""

    def mark(self, position: str, ended: int, servers: int) -> None:
        """Look at one more position."""
        if not self.position and ended >= servers * SHARE:
            self.position = position


def rehearsed(source: Source, waves: tuple[str, ...], position: str, begun_us: int, seed: int) -> tuple[Rehearsed, Document]:
    """What rehearsals from a position say of the finish, in seconds since the waves were started (microseconds since the epoch).

    Durations and failures are those of the whole run: what is judged is the engine, not how soon a run has seen enough.
    """
    question = Question(waves=waves, seed=seed, runs=RUNS, span=Span(parse(position), hindsight=True), what_if={"people": PEOPLE})
    before = digest(source.kafka, source.prefix)
    first, second = rehearse(source, question), rehearse(source, question)
    after = digest(source.kafka, source.prefix)
    found = Rehearsed(
        p10_s=_since(first, "p10", begun_us),
        p90_s=_since(first, "p90", begun_us),
        hash_stable=first["hash"] == second["hash"],
        log_unchanged=before == after,
    )
    return found, first


def _since(answer: Document, level: str, begun_us: int) -> float | None:
    """None where the runs that the level stands for did not end."""
    at = answer["finish"][level]
    return None if at is None else ((datetime.fromisoformat(at) - EPOCH) // timedelta(microseconds=1) - begun_us) / 1_000_000


def digest(kafka: str, prefix: str) -> str:
    """A hash over every record of every topic of a prefix; of compacted topics over the latest of each key, and where they end."""
    settings = {"group.id": "whimbrel-drill", "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 50}
    consumer = Consumer({"bootstrap.servers": kafka, **settings})
    topics = {name: topic for name, topic in consumer.list_topics(timeout=30).topics.items() if name.startswith(f"{prefix}.")}
    places = {(name, partition): _Partition() for name, topic in topics.items() for partition in topic.partitions}
    consumer.assign([TopicPartition(name, partition, 0) for name, partition in places])
    open_ = set(places)
    while open_:
        message = consumer.poll(READ_S)
        assert message is not None, f"{sorted(open_)} cannot be read to their end"
        place = (message.topic() or "", message.partition() or 0)
        error = message.error()
        if error is None:
            places[place].take(message, compacted=place[0].endswith(".state"))
        elif error.code() == KafkaError._PARTITION_EOF:
            open_.discard(place)
        else:
            raise KafkaException(error)
    consumer.close()
    return hashlib.sha256("".join(f"{place} {places[place].digest()}" for place in sorted(places)).encode()).hexdigest()


class _Partition:
    def __init__(self) -> None:
        self._all = hashlib.sha256()
        self._latest: dict[bytes | None, bytes] = {}

    def take(self, record: Message, *, compacted: bool) -> None:
        written = repr((record.offset(), record.timestamp(), record.key(), record.value(), record.headers())).encode()
        if compacted:
            self._latest[record.key()] = written
        else:
            self._all.update(written)

    def digest(self) -> str:
        for key in sorted(self._latest, key=repr):
            self._all.update(self._latest[key])
        return self._all.hexdigest()
