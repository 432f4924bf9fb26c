"""The intake topic: valid messages become migrations, the rest dead letters, which operators mend (O1, O13, R11)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import RequestMigration
from libs.edge.intake import Intake
from libs.edge.intake_loop import IntakeHandler
from libs.edge.intake_reports import ReportIntake
from libs.edge.signing import Secrets
from libs.runtime.codec import Codec
from libs.runtime.received import Received
from libs.runtime.registry import Registry
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Api, migration

Send = Callable[..., None]


@pytest.fixture
def send(world: World) -> Send:
    producer = Producer({"bootstrap.servers": world.stack.kafka})

    def sent(value: bytes | dict[str, Any], **headers: str) -> None:
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        producer.produce(f"{world.prefix}.intake", payload, headers={name.replace("_", "-"): text for name, text in headers.items()})
        assert producer.flush(20) == 0

    return sent


def _letters(api: Api, **query: str) -> list[dict[str, Any]]:
    """Dead letters of the tenant, with the status named."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    items: list[dict[str, Any]] = api.get(f"/v1/dead-letters?{asked}").json["items"]
    return items


def _one_letter(api: Api, **query: str) -> dict[str, Any]:
    wait_until(lambda: _letters(api, **query), f"a dead letter with {query}")
    (letter,) = _letters(api, **query)
    return letter


def test_a_valid_message_becomes_a_migration_O1(world: World, send: Send) -> None:
    api = world.api("intake")

    send(migration(migrationId="in-1"), tenant="intake")
    send(migration(migrationId="in-2", tenant="intake"))

    wait_until(lambda: {one["id"] for one in api.get("/v1/migrations").json["items"]} == {"in-1", "in-2"}, "both migrations are there")
    assert api.get("/v1/migrations/in-1").json["requestedBy"] == "intake"


def test_a_message_sent_twice_is_one_migration_D2(world: World, send: Send) -> None:
    api = world.api("intake-twice")

    for _ in range(3):
        send(migration(), tenant="intake-twice", idempotency_key="same")
    send(migration(migrationId="after"), tenant="intake-twice")

    wait_until(lambda: api.get("/v1/migrations/after").status == 200, "the last one is there")
    assert len(api.get("/v1/migrations").json["items"]) == 2


def test_an_invalid_message_is_kept_whole_with_its_reasons_O13(world: World, send: Send) -> None:
    api = world.api("letters")
    body = json.dumps(migration(environment="prod", appName="")).encode()

    send(body, tenant="letters")

    letter = _one_letter(api)
    whole = api.get(f"/v1/dead-letters/{letter['id']}").json
    assert (letter["reader"], letter["topic"], letter["reason"], letter["status"]) == (
        "ingress",
        f"{world.prefix}.intake",
        "invalid",
        "open",
    )
    assert "/environment" in letter["detail"]
    assert "/appName" in letter["detail"]
    assert base64.b64decode(whole["value"]) == body == whole["text"].encode()


def test_another_tenant_sees_neither_list_nor_letter_SEC1(world: World, send: Send) -> None:
    mine, theirs = world.api("letters-mine"), world.api("letters-theirs")
    send(b"\xff\xfe", tenant="letters-mine")
    letter = _one_letter(mine)

    assert _letters(theirs) == []
    assert theirs.get(f"/v1/dead-letters/{letter['id']}").status == 404
    assert theirs.post(f"/v1/dead-letters/{letter['id']}/replay", {}).status == 404
    assert theirs.get("/v1/dead-letters?unattributed=true").status == 403


def test_a_corrected_message_becomes_the_migration_once_O13(world: World, send: Send) -> None:
    api = world.api("letters-mend")
    send(migration(provider="NO"), tenant="letters-mend")
    letter = _one_letter(api)
    path = f"/v1/dead-letters/{letter['id']}/replay"

    refused = api.post(path, {"payload": migration(provider="STILL NO")})
    for _ in range(2):
        assert api.post(path, {"payload": migration(), "reason": "typing error"}).json["status"] == "replayed"

    wait_until(lambda: api.get("/v1/migrations").json["items"], "the migration is there")
    mended = _one_letter(api, status="replayed")
    assert refused.status == 422
    assert (mended["resolutionReason"], mended["resolvedBy"]) == ("typing error", "u-1")
    send(migration(migrationId="after"), tenant="letters-mend")
    wait_until(lambda: api.get("/v1/migrations/after").status == 200, "what was sent later is there")
    assert len(api.get("/v1/migrations").json["items"]) == 2


def test_a_message_of_which_no_command_can_be_made_is_a_letter_and_holds_nothing_up_R11(world: World, send: Send) -> None:
    api = world.api("letters-large")
    send(migration(options={"steps": 2**63}), tenant="letters-large")
    send(migration(migrationId="after"), tenant="letters-large")

    assert "/options/steps" in _one_letter(api)["detail"]
    wait_until(lambda: api.get("/v1/migrations/after").status == 200, "what was sent later is there")


def test_what_the_rules_forgot_is_a_letter_too_R11(world: World) -> None:
    class Careless(Intake):
        def command(self, message: Received, now: int) -> tuple[CommandEnvelope, RequestMigration, bytes]:
            envelope, command, trace = super().command(message, now)
            return msgspec.structs.replace(envelope, occurred_at=2**63), command, trace

    registry = Registry(world.stack.registry)
    intake, codec = Careless(registry, "dev", "default"), Codec(registry, world.prefix, "ingress")
    handler = IntakeHandler(intake, ReportIntake(Secrets(b"k" * 32), "dev"), codec, world.prefix)
    message = Received(f"{world.prefix}.intake", 0, 7, None, json.dumps(migration()).encode(), [])

    ((topic, _, record),) = handler.handle([message], 1_796_083_200_000_000).then

    letter = codec.decode(topic, record.key, record.value, record.headers).body
    assert (topic, letter.reason, letter.value) == (f"{world.prefix}.dead-letters", "unencodable", message.value)


def test_a_letter_is_discarded_with_a_reason_only_O13(world: World, send: Send) -> None:
    api = world.api("letters-drop")
    send(b"{", tenant="letters-drop")
    path = f"/v1/dead-letters/{_one_letter(api)['id']}"

    assert api.post(f"{path}/discard", {}).status == 422
    assert api.post(f"{path}/discard", {"reason": "sent by mistake"}).status == 202

    assert _one_letter(api, status="discarded")["resolutionReason"] == "sent by mistake"
    assert _letters(api) == []
