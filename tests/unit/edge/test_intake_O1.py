"""An intake message becomes the same command as the same request over HTTP, or poison that names what is wrong (O1)."""

import json
from typing import Any

import pytest

from libs.edge.identity import aggregate_id_of, command_id_of
from libs.edge.intake import Intake
from libs.edge.migration_request import MigrationRequest
from libs.runtime.errors import Poison
from libs.runtime.received import Received
from libs.runtime.registry import Registry

GOOD = {"appName": "shop", "provider": "postgres", "source": {"b": 1, "a": 2}, "target": {}, "environment": "dev"}
INTAKE = Intake(Registry("http://127.0.0.1:9"), "dev", "default")
NOW = 1_796_083_200_000_000


def message(value: Any, **headers: str) -> Received:
    payload = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Received("p.intake", 2, 41, None, payload, [(name.replace("_", "-"), text.encode()) for name, text in headers.items()])


def test_the_command_is_the_one_that_http_would_send_O1() -> None:
    envelope, command, _ = INTAKE.command(message({**GOOD, "migrationId": "m-1"}, tenant="acme"), NOW)

    assert command == MigrationRequest.model_validate_json(json.dumps(GOOD)).command()
    assert (envelope.tenant, envelope.aggregate, envelope.environment, envelope.occurred_at) == ("acme", "m-1", "dev", NOW)
    assert envelope.command_id == command_id_of("acme", "m-1")


def test_a_message_without_id_or_key_is_known_by_its_place_D2() -> None:
    first, again = INTAKE.command(message(GOOD), NOW), INTAKE.command(message(GOOD), NOW + 5)

    assert first[0].command_id == again[0].command_id == command_id_of("default", "p.intake/2/41")
    assert first[0].aggregate == aggregate_id_of("default", "p.intake/2/41")


def test_key_tenant_correlation_and_trace_come_from_the_headers_O2() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    envelope, _, traceparent = INTAKE.command(
        message(GOOD, tenant="acme", idempotency_key="k", x_correlation_id="c-1", traceparent=trace), NOW
    )

    assert (envelope.command_id, envelope.correlation_id, traceparent) == (command_id_of("acme", "k"), "c-1", trace.encode())


def test_the_tenant_may_stand_in_the_message_and_must_not_contradict_the_header_SEC1() -> None:
    assert INTAKE.command(message({**GOOD, "tenant": "acme"}), NOW)[0].tenant == "acme"
    with pytest.raises(Poison, match="the header says other"):
        INTAKE.command(message({**GOOD, "tenant": "acme"}, tenant="other"), NOW)


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (None, "no_value", "no value"),
        (b"", "undecodable", "JSON"),
        (b"{", "undecodable", "JSON"),
        (b"\xff", "undecodable", "JSON"),
        (b"\0\0", "not_wire_format", "schema id"),
        ([], "invalid", "/:"),
        ({**GOOD, "environment": "prod", "appName": 1}, "invalid", "/appName: .*; /environment: "),
        ({**GOOD, "tenant": "No Tenant"}, "invalid", "/tenant: "),
        ({**GOOD, "source": {"password": "x"}}, "invalid", "/source: "),
    ],
)
def test_what_cannot_be_taken_is_poison_with_its_reasons_O1(value: Any, reason: str, detail: str) -> None:
    with pytest.raises(Poison, match=detail) as caught:
        INTAKE.command(message(value), NOW)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "headers", "tenant"), [(b"{", {"tenant": "acme"}, "acme"), ({"tenant": "acme"}, {}, "acme"), (b"\xff", {}, "default")]
)
def test_poison_too_belongs_to_a_tenant_SEC1(value: Any, headers: dict[str, str], tenant: str) -> None:
    assert INTAKE.tenant_of(message(value, **headers)) == tenant
