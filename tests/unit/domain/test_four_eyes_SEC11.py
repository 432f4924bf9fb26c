"""In prod an approval takes another person than the one who asked for the migration (SEC11)."""

import pytest
from msgspec.structs import replace

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import ACTOR, History, given
from libs.testing.migrations import REQUEST, act, approval, planned

YES = c.ApproveMigration(reason="rehearsed twice", second_factor="amr=otp")


def waiting(requester: str = ACTOR) -> History:
    history = given(DECIDER).when(c.RequestMigration(request=REQUEST), actor=requester).then_something()
    return history.when(planned(approval("sign_off"), act("switch")), actor="verifier").then_types(e.MigrationPlanned, e.ApprovalRequested)


def test_who_asked_may_not_approve_in_prod_SEC11() -> None:
    refused = waiting().when(YES, environment="prod")

    assert "another person" in refused.events[0].message
    history = refused.then_refused("four_eyes")
    history.when(YES, actor="subject-2", environment="prod").then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


@pytest.mark.parametrize(("environment", "actor"), [("prod", "subject-2"), ("test", ACTOR), ("dev", ACTOR)])
def test_everybody_else_and_everywhere_else_it_is_as_before_SEC11(environment: str, actor: str) -> None:
    waiting().when(YES, actor=actor, environment=environment).then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)


def test_who_asked_may_say_no_SEC11() -> None:
    refused = waiting().when(c.RefuseApproval(reason="not ready"), environment="prod")

    assert refused.events[0].code == "approval_refused"


def test_who_operates_a_migration_does_not_become_its_requester_SEC11() -> None:
    history = waiting("subject-2").when(c.PauseMigration(reason="lunch"), environment="prod").then_types(e.MigrationPaused)

    history.when(YES, environment="prod").then_types(e.ApprovalGiven, e.StepSucceeded)


def test_a_history_that_does_not_say_who_asked_can_be_approved_SEC11() -> None:
    asked, dispatched = given(DECIDER).when(c.RequestMigration(request=REQUEST)).events
    history = given(DECIDER, replace(asked, requested_by=""), dispatched).when(planned(approval("sign_off"), act("switch")))

    history.then_something().when(YES, environment="prod").then_types(e.ApprovalGiven, e.StepSucceeded, e.WorkDispatched)
