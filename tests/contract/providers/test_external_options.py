"""What is wrong with a request to an external system is said all at once, each with the place and the way to mend it (O3)."""

import base64
from typing import Any

import pytest

from libs.contracts.values import Problem
from libs.providers.base import MoveRequest
from libs.providers.external.options import HOUR_MS
from libs.providers.external.provider import ExternalProvider
from libs.telling.outgoing import Outgoing
from libs.telling.settings import TellingSettings

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
URL = "https://crm.example.org/whimbrel"
ACT = {"name": "create", "phase": "preparing", "compensation": "Remove it."}
CHECK = {"name": "look", "phase": "testing", "kind": "check"}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> ExternalProvider:
    monkeypatch.setenv("WHIMBREL_DEFAULT_TENANT", "acme")
    monkeypatch.setenv("WHIMBREL_CREDENTIAL_ENV", "*_WEBHOOK_SECRET,CRM_PASSWORD")
    monkeypatch.setenv("CRM_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("SHORT_WEBHOOK_SECRET", "whsec_c2hvcnQ=")
    monkeypatch.setenv("CRM_PASSWORD", "hunter2hunter2hunter2hunter2hunter2")
    return ExternalProvider(Outgoing(TellingSettings(data_dir=tmp_path, environment="dev", prefix="whimbrel")))


def request(steps: Any = (ACT, CHECK), **options: Any) -> MoveRequest:
    told = {"webhook": {"url": URL, "secret": "env:CRM_WEBHOOK_SECRET"}, "steps": list(steps) if isinstance(steps, tuple) else steps}
    kept = {name: value for name, value in (told | options).items() if value is not None}
    return MoveRequest(tenant="acme", migration="mig-1", provider="external", source={}, target={}, options=kept)


async def problems(provider: ExternalProvider, wrong: MoveRequest) -> dict[str, Problem]:
    found = (await provider.inspect(wrong)).problems
    assert all(one.message and one.remedy and one.field.startswith("/options") for one in found)
    return {one.field: one for one in found}


async def test_a_plan_is_the_steps_named(provider: ExternalProvider) -> None:
    asked = request(({**ACT, "parameters": {"b": 1, "a": [2]}, "chunks": 3, "window": 2}, {**CHECK, "attempts": 2}))

    inspection = await provider.inspect(asked)
    first, second = provider.plan(asked, inspection).steps

    assert inspection.problems == ()
    assert (first.name, first.phase, first.kind, first.compensation, first.timeout_ms) == (
        "create",
        "preparing",
        "act",
        "Remove it.",
        HOUR_MS,
    )
    assert (first.parameters, first.chunks, first.window) == ('{"a":[2],"b":1}', 3, 2)
    assert (second.kind, second.attempts, second.parameters) == ("check", 2, "")


async def test_everything_wrong_is_said_at_once_O3(provider: ExternalProvider) -> None:
    wrong = request(
        (
            {"name": "Create", "phase": "before"},
            {**CHECK, "point_of_no_return": True, "compensation": "x", "chunks": 2},
            {**CHECK, "attempts": 0, "more": 1},
            7,
        ),
        webhook={"url": URL},
        kafka={"topic": "a b"},
    )

    assert set(await problems(provider, wrong)) == {
        "/options/steps/0/name",
        "/options/steps/0/phase",
        "/options/steps/0/compensation",
        "/options/steps/1/point_of_no_return",
        "/options/steps/1/compensation",
        "/options/steps/1/chunks",
        "/options/steps/2/attempts",
        "/options/steps/2/more",
        "/options/steps/2/name",
        "/options/steps/3",
        "/options/webhook/secret",
        "/options/kafka/topic",
        "/options/kafka",
    }


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        (request(webhook=None), "/options", "no_destination"),
        (request(()), "/options/steps", "invalid_option"),
        (request(None), "/options/steps", "invalid_option"),
        (request("many"), "/options/steps", "invalid_option"),
        (request(webhook={"url": "http://10.1.2.3/", "secret": "env:CRM_WEBHOOK_SECRET"}), "/options/webhook/url", "url_refused"),
        (request(webhook={"url": "ftp://crm.example.org/", "secret": "env:CRM_WEBHOOK_SECRET"}), "/options/webhook/url", "url_refused"),
        (request(webhook={"url": URL, "secret": "env:NO_WEBHOOK_SECRET"}), "/options/webhook/secret", "signing_secret_unusable"),
        (request(webhook={"url": URL, "secret": SECRET}), "/options/webhook/secret", "signing_secret_unusable"),
        (request(webhook={"url": URL, "secret": "env:SHORT_WEBHOOK_SECRET"}), "/options/webhook/secret", "signing_secret_unusable"),
        (request(webhook={"url": URL, "secret": "env:CRM_PASSWORD"}), "/options/webhook/secret", "signing_secret_unusable"),
        (request(webhook={"url": URL, "secret": "env:HOME"}), "/options/webhook/secret", "signing_secret_unusable"),
        (request(webhook=None, kafka={"topic": "whimbrel.migration.commands"}), "/options/kafka/topic", "topic_refused"),
        (request(webhook=None, kafka={"topic": "whimbrel.external-work"}), "/options/kafka/topic", "topic_refused"),
        (request(webhook=None, kafka={"topic": "prod.migration.state"}), "/options/kafka/topic", "topic_refused"),
    ],
)
async def test_each_mistake_has_its_place(provider: ExternalProvider, wrong: MoveRequest, field: str, code: str) -> None:
    found = await problems(provider, wrong)

    assert {place: one.code for place, one in found.items()} == {field: code}
    assert SECRET not in str(found)
    assert "hunter2" not in str(found)


async def test_a_topic_that_is_allowed_will_do(provider: ExternalProvider) -> None:
    assert await problems(provider, request(webhook=None, kafka={"topic": "crm.external-work"})) == {}


async def test_without_a_master_key_nothing_can_be_told_SEC4(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIMBREL_DEFAULT_TENANT", "acme")
    monkeypatch.setenv("WHIMBREL_CREDENTIAL_ENV", "*_WEBHOOK_SECRET,CRM_PASSWORD")
    monkeypatch.setenv("CRM_WEBHOOK_SECRET", SECRET)
    provider = ExternalProvider(Outgoing(TellingSettings(data_dir=tmp_path, environment="prod")))

    (found,) = (await provider.inspect(request())).problems

    assert (found.code, found.category) == ("no_signing_key", "prerequisite")
