"""Any Kafka client with the registry reads the log; here one written from scratch in Python, with the registry over plain HTTP."""

import json
import urllib.request
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_reader
from kafka import KafkaConsumer

from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.topics import events_of
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.testing.log_writer import LogWriter
from libs.testing.servers import SharedServers

REQUIRED = {"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_dataschema"}


def asked_of_registry(url: str, schema_id: int) -> Any:
    with urllib.request.urlopen(f"{url}/schemas/ids/{schema_id}", timeout=10) as answer:
        return parse_schema(json.loads(json.load(answer)["schema"]))


def written(stack: SharedServers, prefix: str) -> list[Any]:
    """Two events in the log, written as the validator writes them; returns their bodies."""
    producer = kafka.producer(stack.kafka)
    writer = LogWriter(Codec(Registry(stack.registry), prefix, "validator"), producer, prefix)
    request = Request(provider="rehearsal", application="billing", source='{"a":1}', target="{}", labels={"team": "ledger"})
    bodies = writer.tell("migration", "acme", "mig-1", RequestMigration(request=request))
    producer.flush()
    return bodies


def read(stack: SharedServers, topic: str, count: int) -> list[Any]:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=stack.kafka,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        consumer_timeout_ms=30_000,
        group_id=None,
    )
    records = [record for _, record in zip(range(count), consumer, strict=False)]
    consumer.close()
    return records


def test_another_client_library_reads_the_log_O1(stack: SharedServers, prefix: str) -> None:
    bodies = written(stack, prefix)

    records = read(stack, events_of(prefix, "migration"), len(bodies))

    values = []
    for record in records:
        assert record.value[0] == 0
        schema = asked_of_registry(stack.registry, int.from_bytes(record.value[1:5], "big"))
        values.append(schemaless_reader(BytesIO(record.value[5:]), schema, None))
    assert [record.key for record in records] == [b"acme/mig-1"] * len(bodies)
    assert values[0]["request"]["labels"] == {"team": "ledger"}
    assert [value["envelope"]["version"] for value in values] == [1, 2]
    assert values[0]["envelope"]["recorded_at"].tzinfo is not None


def test_events_carry_cloudevents_headers_in_binary_mode_O2(stack: SharedServers, prefix: str) -> None:
    bodies = written(stack, prefix)

    for version, record in enumerate(read(stack, events_of(prefix, "migration"), len(bodies)), 1):
        headers = {name: value.decode() for name, value in record.headers}

        assert headers.keys() >= REQUIRED
        assert headers["ce_specversion"] == "1.0"
        assert headers["content-type"] == "application/avro"
        assert headers["ce_type"] == f"whimbrel.migration.{type(bodies[version - 1]).__name__}"
        assert int(headers["ce_sequence"]) == version
        assert headers["ce_correlationid"] == "correlation-acme-mig-1"
