"""The test helper itself: it finds what it is there to find."""

from typing import Any

import msgspec
import pytest

from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import given
from libs.testing.migrations import act, started, succeeded

PAUSE = c.PauseMigration(reason="freeze")


def test_a_wrong_expectation_fails_and_shows_both() -> None:
    with pytest.raises(AssertionError, match=r"expected:\n.*other[\s\S]*but was:\n.*freeze"):
        started(act("copy")).when(PAUSE).then(e.MigrationPaused(reason="other"))


def test_an_event_too_many_fails() -> None:
    with pytest.raises(AssertionError):
        started(act("copy")).when(succeeded(0)).then_types(e.StepSucceeded)


def test_nothing_is_not_a_refusal() -> None:
    with pytest.raises(AssertionError):
        started(act("copy")).when(succeeded(0, attempt=2)).then_refused("not_found")
    with pytest.raises(AssertionError):
        started(act("copy")).when(c.ResumeMigration()).then_nothing()
    with pytest.raises(AssertionError):
        started(act("copy")).when(c.ResumeMigration()).then_refused("not_found")


def test_a_decider_that_answers_a_report_twice_fails() -> None:
    again = DECIDER._replace(decide=lambda state, body, ctx: [e.RetryRequested(reason="again")])

    answer = given(again).when(c.WakeMigration(wake_at=1))

    with pytest.raises(AssertionError, match="asked twice"):
        answer.then_types(e.RetryRequested)


def test_an_event_that_its_schema_cannot_hold_fails() -> None:
    evidence: Any = {"when": None}
    broken = e.StepSucceeded(work_id="w", step=0, name="copy", evidence=evidence)

    with pytest.raises(TypeError):
        given(DECIDER, broken)


def test_a_state_that_its_schema_cannot_hold_fails() -> None:
    def evolve(state: Any, event: Any) -> Any:
        return msgspec.structs.replace(DECIDER.evolve(state, event), status=None)

    with pytest.raises(AttributeError):
        given(DECIDER._replace(evolve=evolve), e.MigrationPaused(reason="x"))
