"""Events to requests for deliveries. Most events concern nobody, so nothing of them is decoded until somebody wants them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import structlog
from confluent_kafka import Message

from libs.contracts.avro import schema_of
from libs.contracts.delivery import Message as Tidings
from libs.contracts.delivery import RequestDelivery
from libs.contracts.envelope import CommandEnvelope, EventEnvelope
from libs.contracts.migration import events as e
from libs.contracts.topics import commands_of
from libs.readmodel.position import Position
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec, Headers, Record, header
from libs.runtime.dead_letters import dead_letter
from libs.runtime.errors import Poison
from libs.runtime.received import received
from libs.telling.event_types import CALLBACK_NAMES, ENDS, NAMES
from services.notifier.callbacks import URL_SIGN, Callbacks
from services.notifier.identity import CALLBACK, delivery_id_of
from services.notifier.payloads import payload_of
from services.notifier.subscriptions import Subscriptions, Wanted

_log = structlog.get_logger()
SERVICE = "notifier"
_CLASSES = {schema_of(event).full_name.encode(): event for event in NAMES}


class _Event(NamedTuple):
    envelope: EventEnvelope
    body: Any
    traceparent: bytes
    partition: int
    offset: int


class Matcher:
    """Matches events of migrations with subscriptions and callback URLs. `partitions` is how many the delivery topics have."""

    def __init__(self, codec: Codec, prefix: str, environment: str, partitions: int, table: Subscriptions, callbacks: Callbacks) -> None:
        self._codec, self._prefix, self._environment, self._partitions = codec, prefix, environment, partitions
        self._table, self._callbacks = table, callbacks
        self._topic = commands_of(prefix, "delivery")

    def match(self, messages: Sequence[Message]) -> list[tuple[str, Record]]:
        """Records to produce, by topic, in the order of the events. Raises RegistryUnavailable; asking again is harmless."""
        records: list[tuple[str, Record]] = []
        ended: list[tuple[int, bytes]] = []
        tenants, callbacks = self._table.tenants, self._callbacks.by_partition
        for message in messages:
            value, key = message.value() or b"", message.key() or b""
            if (
                URL_SIGN in value
                or (tenants and key[: key.find(b"/")] in tenants)
                or (callbacks and key in callbacks.get(message.partition() or 0, ()))
            ):
                self._consider(message, key, records, ended)
        for partition, key in ended:
            self._callbacks.of(partition).pop(key, None)
        return records

    def _consider(self, message: Message, key: bytes, records: list[tuple[str, Record]], ended: list[tuple[int, bytes]]) -> None:
        kind = _CLASSES.get(header(cast(Headers, message.headers()), "ce_type"))
        if kind is None:
            return
        urls = self._callbacks.of(message.partition() or 0)
        wanted = self._table.wanted(key[: key.find(b"/")], kind)
        url = urls.get(key, "") if kind in CALLBACK_NAMES else ""
        asks = kind is e.MigrationRequested and URL_SIGN in (message.value() or b"")
        if wanted or url or asks:
            try:
                event = self._decoded(message)
                if asks and event.body.request.callback_url:
                    urls[key] = event.body.request.callback_url
                records += self._requests(event, wanted, url)
            except Poison as poison:
                _log.error(
                    "dead letter", topic=message.topic(), partition=message.partition(), offset=message.offset(), reason=poison.reason
                )
                letter = dead_letter(self._codec, self._prefix, SERVICE, received(message), poison, now_us())
                records.append((f"{self._prefix}.dead-letters", letter))
        if kind in ENDS:
            ended.append((message.partition() or 0, key))

    def _decoded(self, message: Message) -> _Event:
        record = received(message)
        found = self._codec.decode(record.topic, record.key, record.value, record.headers)
        return _Event(found.envelope, found.body, found.traceparent, record.partition, record.offset)

    def _requests(self, event: _Event, wanted: Sequence[Wanted], url: str) -> list[tuple[str, Record]]:
        recorded_at, kind = event.envelope.recorded_at, type(event.body)
        found = [one for one in wanted if one.since <= recorded_at]
        if url:
            found.append(Wanted(CALLBACK, url, CALLBACK_NAMES[kind], 0, 1))
        return [(self._topic, self._request(event, one)) for one in found]

    def _request(self, event: _Event, wanted: Wanted) -> Record:
        about = event.envelope
        delivery = delivery_id_of(about.tenant, about.event_id, wanted.subscription, event.partition, self._partitions)
        envelope = CommandEnvelope(
            command_id=f"{delivery}/request",
            tenant=about.tenant,
            aggregate=delivery,
            environment=self._environment,
            actor=f"service:{SERVICE}",
            correlation_id=about.correlation_id,
            occurred_at=now_us(),
        )
        position = str(Position({("migration", event.partition): event.offset + 1}))
        message = Tidings(
            subscription=wanted.subscription,
            channel="webhook",
            url=wanted.url,
            event_type=wanted.name,
            event_id=about.event_id,
            migration=about.aggregate,
            payload=payload_of(wanted.name, about, event.body, position),
            key_generation=wanted.generation,
        )
        return self._codec.command(self._topic, envelope, RequestDelivery(message=message), event.traceparent)
