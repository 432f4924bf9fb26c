"""A report on the intake topic becomes the command that the same report by HTTP becomes, or poison that names what is wrong."""

import base64
import json
from typing import Any

import pytest

from libs.contracts.operations import ProgressReported
from libs.contracts.values import Problem
from libs.contracts.work import ReportWork
from libs.edge.intake_reports import ReportCommand, ReportIntake
from libs.edge.reports import WorkReport
from libs.edge.signing import Secrets
from libs.runtime.errors import Poison
from libs.runtime.received import Received

SECRETS = Secrets(b"k" * 32)
INTAKE = ReportIntake(SECRETS, "dev")
WORK = "acme/mig-1/3/-/apply/1"
NOW = 1_796_083_200_000_000


def said(**changes: Any) -> dict[str, Any]:
    body = {"workId": WORK, "attempt": 2, "ticket": SECRETS.ticket(WORK, 2), "outcome": "succeeded", "evidence": {"rows": 41, "warm": True}}
    return {name: value for name, value in (body | changes).items() if value is not None}


def message(value: Any, **headers: str) -> Received:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Received("p.intake", 2, 41, None, payload, [(name.replace("_", "-"), text.encode()) for name, text in headers.items()])


def command(**changes: Any) -> ReportCommand:
    found = INTAKE.taken(message(said(**changes), x_correlation_id="c-1"), NOW)
    assert isinstance(found, ReportCommand)
    return found


def test_a_report_is_the_workers_command_for_that_attempt_D3() -> None:
    envelope, body, traceparent = command()

    assert body == ReportWork(work_id=WORK, attempt=2, outcome="succeeded", evidence={"rows": 41, "warm": True})
    assert (envelope.tenant, envelope.aggregate, envelope.command_id, envelope.environment) == ("acme", "mig-1", f"{WORK}#2", "dev")
    assert (envelope.actor, envelope.correlation_id, envelope.occurred_at) == ("intake", "c-1", NOW)
    assert traceparent == INTAKE.taken(message(said()), NOW + 1)[2]  # a repeat has the same trace
    assert len(traceparent) == 55


def test_it_is_the_command_that_http_would_send() -> None:
    without_id = {name: value for name, value in said().items() if name != "workId"}

    assert command().body == WorkReport.model_validate_json(json.dumps(without_id)).command(WORK)


def test_a_failure_carries_its_problem() -> None:
    problem = {"code": "mailbox_full", "message": "there is no room", "remedy": "make room"}

    body = command(outcome="failed", evidence=None, problem=problem, retryable=False).body

    assert body.problem == Problem("mailbox_full", "migration_execution", "there is no room", "make room")
    assert not body.retryable


def test_progress_becomes_what_workers_say() -> None:
    found = INTAKE.taken(message(said(outcome=None, evidence=None, done=3, total=7, unit="mailboxes")), NOW)

    assert found == ProgressReported(tenant="acme", migration="mig-1", work_id=WORK, step="3", done=3, total=7, unit="mailboxes", at=NOW)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"ticket": SECRETS.ticket(WORK, 1)}, "/ticket: "),
        ({"attempt": 1}, "/ticket: "),
        ({"workId": "acme/mig-2/3/-/apply/1"}, "/ticket: "),
        ({"workId": "mig-1"}, "/workId: "),
        ({"workId": "acme/mig-1/plan/-/plan/1"}, "/workId: "),
        ({"outcome": "fine", "attempt": 0}, "/attempt: .*; /outcome: "),
        ({"outcome": "failed"}, "/problem: is missing"),
        ({"problem": {"code": "x_y_z", "message": "no"}}, "/problem: is only for the outcome failed"),
        ({"evidence": {"a": [1]}}, "/evidence: holds under a something"),
        ({"evidence": {"a": None}}, "/evidence: "),
        ({"evidence": {"password": "x"}}, "/evidence: holds a secret"),
        ({"evidence": {str(n): n for n in range(65)}}, "/evidence: holds more than 64"),
        ({"outcome": None, "evidence": None, "done": 3, "total": 2}, "more than total"),
        ({"more": 1}, "/more: "),
    ],
)
def test_what_cannot_be_taken_is_poison_that_names_the_field(changes: dict[str, Any], detail: str) -> None:
    with pytest.raises(Poison, match=detail) as caught:
        INTAKE.taken(message(said(**changes)), NOW)

    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("value", [b"", b"{", b"\xff", b"[]", {"appName": "shop", "options": {"workId": WORK}}])
def test_what_says_nothing_of_work_is_a_request(value: Any) -> None:
    assert not INTAKE.concerns(message(value))


def test_a_ticket_is_good_for_one_attempt_and_needs_the_master_key_SEC4() -> None:
    tickets = {
        SECRETS.ticket(WORK, 1),
        SECRETS.ticket(WORK, 2),
        SECRETS.ticket("acme/mig-1/3/-/undo/1", 1),
        Secrets(b"l" * 32).ticket(WORK, 1),
    }

    assert len(tickets) == 4
    assert all(len(base64.urlsafe_b64decode(ticket + "=")) == 32 for ticket in tickets)
    assert SECRETS.ticket(WORK, 1) == Secrets(b"k" * 32).ticket(WORK, 1)
