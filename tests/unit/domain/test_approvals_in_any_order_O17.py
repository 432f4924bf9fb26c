"""Any order of answers, pauses and times at a gate: it is passed by enough different people, none of them who asked, or by a waiver (I26, O17, SEC11)."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.contracts.avro import schema_of
from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import WAIT, Step
from libs.contracts.migration.state import MigrationState
from libs.contracts.refusal import CommandRefused
from libs.domain.decider import Command
from libs.domain.migration import DECIDER
from libs.testing.given_when_then import AGGREGATE, NOW, SECOND, envelope_of
from libs.testing.migrations import REQUEST, act, planned
from libs.testing.simulator.log import Log

EXAMPLES = int(os.environ.get("WHIMBREL_HYPOTHESIS_EXAMPLES", "200"))
pytestmark = pytest.mark.timeout(max(120, EXAMPLES))
PEOPLE = ["asker", "p-1", "p-2", "p-3"]
PERSON = st.sampled_from(PEOPLE)
LONG = 50


class Gate:
    """What should count, told in the plainest way."""

    def __init__(self, quorum: int, expires: int) -> None:
        self.quorum, self.expires = quorum, expires * SECOND
        self.given: dict[str, tuple[str, int]] = {}
        self.handed: dict[str, tuple[str, int]] = {}
        self.waived = 0

    def forget(self, now: int) -> None:
        self.given = {by: one for by, one in self.given.items() if not one[1] or one[1] > now}
        self.waived = self.waived if self.waived > now else 0

    @property
    def open(self) -> bool:
        return bool(self.waived) or len(self.given) >= self.quorum

    def may(self, actor: str, right: str, now: int) -> bool:
        fresh = self.handed.get(right, ("", 0))
        holds = actor == right or (fresh[0] == actor and fresh[1] > now)
        used = actor in self.given or right in [of for of, _ in self.given.values()]
        return "asker" not in (actor, right) and holds and not used and not self.open


class AtGate(RuleBasedStateMachine):
    """A migration in prod at its one gate, and the naive gate beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.log, self.now, self.asked, self.paused, self.passed = Log(DECIDER), NOW, 0, False, False

    @property
    def state(self) -> Any:
        return self.log.state(AGGREGATE)

    def ask(self, body: Any, actor: str, now: int = 0) -> list[Any]:
        self.asked += 1
        self.now = max(self.now + SECOND, now)
        before = len(self.log.entries)
        command = Command(envelope_of(f"command-{self.asked}", now=self.now, actor=actor, environment="prod"), body)
        self.log.decide(command, self.now)
        self.log.commit()
        return [entry.body for entry in self.log.entries[before:]]

    @initialize(quorum=st.integers(1, 3), expires=st.sampled_from([0, 5, LONG]))
    def start(self, quorum: int, expires: int) -> None:
        self.gate = Gate(quorum, expires)
        terms = ApprovalTerms(before="switch", quorum=quorum, expires_s=expires)
        wait = Step(name="go", phase="cutting_over", kind=WAIT, wait_for="approval", approval=terms)
        self.ask(c.RequestMigration(request=REQUEST), "asker")
        self.ask(planned(wait, act("switch")), "verifier")
        assert self.state.awaiting == "approval"

    def go_on(self) -> None:
        """The gate is passed as soon as it is open, unless the migration is paused and what opened it may lapse."""
        lasting = not self.gate.waived and not self.gate.expires
        if self.gate.open and (not self.paused or lasting):
            self.passed = True

    @precondition(lambda self: not self.passed)
    @rule(actor=PERSON, right=PERSON)
    def approve(self, actor: str, right: str) -> None:
        at = self.now + SECOND
        self.gate.forget(at)
        expected = self.gate.may(actor, right, at)
        events = self.ask(c.ApproveMigration(on_behalf_of="" if actor == right else right, second_factor="amr=otp"), actor)
        assert any(isinstance(event, e.ApprovalGiven) for event in events) == expected, events
        if expected:
            self.gate.given[actor] = (right, at + self.gate.expires if self.gate.expires else 0)
            self.go_on()

    @precondition(lambda self: not self.passed)
    @rule(by=PERSON, to=PERSON, length=st.sampled_from([2, LONG]))
    def hand_on(self, by: str, to: str, length: int) -> None:
        at = self.now + SECOND
        self.gate.forget(at)
        used = by in self.gate.given or by in [of for of, _ in self.gate.given.values()]
        events = self.ask(a.DelegateApproval(to=to, until=at + length * SECOND, reason="x", second_factor="amr=otp"), by)
        allowed = "asker" not in (by, to) and by != to and not used and not self.gate.open
        assert any(isinstance(event, a.ApprovalDelegated) for event in events) == allowed
        if allowed:
            self.gate.handed[by] = (to, at + length * SECOND)

    @precondition(lambda self: not self.passed)
    @rule(by=PERSON, admin=st.booleans(), length=st.sampled_from([2, LONG]))
    def waive(self, by: str, admin: bool, length: int) -> None:
        at = self.now + SECOND
        self.gate.forget(at)
        open_ = self.gate.open
        roles = ("admin",) if admin else ("operator",)
        events = self.ask(a.WaiveApproval(reason="x", until=at + length * SECOND, roles=roles, second_factor="amr=mfa"), by)
        waived = any(isinstance(event, a.ApprovalWaived) for event in events)
        assert waived == (admin and by != "asker" and not open_)
        if waived:
            self.gate.waived = at + length * SECOND
            self.go_on()

    @precondition(lambda self: not self.passed)
    @rule()
    def pause_or_resume(self) -> None:
        self.gate.forget(self.now + SECOND)
        self.ask(c.ResumeMigration() if self.paused else c.PauseMigration(reason="x"), "p-1")
        self.paused = not self.paused
        self.go_on()

    @precondition(lambda self: not self.passed and self.state.wake_at)
    @rule()
    def time_comes(self) -> None:
        wake_at = self.state.wake_at
        events = self.ask(c.WakeMigration(wake_at=wake_at), "verifier", now=wake_at)
        self.gate.forget(self.now)
        assert {type(event) for event in events} == {a.ApprovalLapsed}

    @precondition(lambda self: self.passed)
    @rule(actor=PERSON)
    def too_late(self, actor: str) -> None:
        [event] = self.ask(c.ApproveMigration(second_factor="amr=otp"), actor)
        assert isinstance(event, CommandRefused)

    @invariant()
    def it_has_passed_just_when_it_should(self) -> None:
        if self.asked:
            assert (self.state.awaiting == "") == self.passed

    @invariant()
    def what_let_it_pass_is_on_the_log(self) -> None:
        if not self.passed:
            return
        given: dict[str, e.ApprovalGiven] = {}
        waived = ""
        for entry in self.log.entries:
            body = entry.body
            if isinstance(body, e.ApprovalGiven):
                given[body.by] = body
            elif isinstance(body, a.ApprovalWaived):
                waived = body.by
            elif isinstance(body, a.ApprovalLapsed):
                waived = "" if body.code == "waiver_expired" else waived
                given = {by: one for by, one in given.items() if body.code == "waiver_expired" or by not in body.approvers}
        assert "asker" not in (*given, *(one.right_of for one in given.values()), waived)
        assert waived or len(given) == len({one.right_of for one in given.values()}) == self.gate.quorum

    @invariant()
    def the_state_survives_the_log(self) -> None:
        if self.asked:
            schema = schema_of(MigrationState)
            assert schema.decode(schema.encode(self.state))[1] == self.state
            assert all(entry.body for entry in self.log.entries if isinstance(entry.body, CommandRefused))


TestAtGate = AtGate.TestCase
TestAtGate.settings = settings(max_examples=EXAMPLES, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow])


def test_somebody_may_waive_whose_own_approval_then_lapses_O17() -> None:
    gate = AtGate()
    gate.start(quorum=2, expires=5)
    gate.pause_or_resume()
    gate.approve("p-1", "p-1")
    gate.waive("p-1", True, LONG)
    gate.time_comes()

    gate.pause_or_resume()

    assert gate.passed
    gate.it_has_passed_just_when_it_should()
    gate.what_let_it_pass_is_on_the_log()
