"""Steps of one's own are tried in virtual time, through the real decider, with whatever can go wrong at each of their awaits."""

import asyncio
import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from libs.own_steps import NotYet, StepError, Steps, Work
from libs.testing.own_steps import Fault, drive, every_fault

EXAMPLE = Path(__file__).resolve().parents[3] / "docs/examples/own_steps.py"
PARAMETERS = {"create_mailbox": {"name": "ada"}}


@pytest.fixture
def example() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("own_steps_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.mailboxes.clear()


def test_the_example_survives_every_single_fault(example: ModuleType) -> None:
    clean = drive(example.steps, parameters=PARAMETERS)
    faults = every_fault(clean)

    assert (clean.status, clean.evidence["create_mailbox"], clean.seconds) == ("completed", {"mailbox": "ada"}, pytest.approx(60, abs=1))
    assert {fault.kind for fault in faults} == {"crash", "duplicate", "silence", "late"}
    for fault in faults:
        example.mailboxes.clear()
        assert drive(example.steps, parameters=PARAMETERS, faults=[fault]).status == "completed", fault
        assert set(example.mailboxes) == {"ada"}, fault


def test_going_back_restores_whatever_goes_wrong_on_the_way(example: ModuleType) -> None:
    def back(*faults: Fault) -> Any:
        example.mailboxes.clear()
        return drive(example.steps, parameters=PARAMETERS, faults=faults, roll_back_after="create_mailbox")

    clean = back()
    assert clean.status == "rolled_back"
    assert [(told.step, told.direction) for told in clean.told][-1] == ("create_mailbox", "undo")
    undos = [fault for fault in every_fault(clean) if fault.direction == "undo"]
    assert len(undos) >= 5
    for fault in undos:
        assert back(fault).status == "rolled_back", fault
        assert example.mailboxes == {}, fault


def test_the_example_is_short_and_quick_to_try(example: ModuleType) -> None:
    lines = EXAMPLE.read_text().splitlines()
    body = [line for line in lines if line.strip() and not line.startswith(("#", '"""', "import", "from"))]
    began = time.perf_counter()

    drive(example.steps, parameters=PARAMETERS)

    assert len(body) <= 20
    assert time.perf_counter() - began < 1


def _counting(**settings: Any) -> tuple[Steps, list[str]]:
    steps, done = Steps(), list[str]()

    @steps.act("count", phase="replicating", compensation="Forget it.", **{"timeout_ms": 7_200_000, **settings})
    class Count:
        async def apply(self, work: Work) -> dict[str, Any]:
            await asyncio.sleep(3_600)
            done.append(work.data.chunk)
            return {}

        async def undo(self, work: Work) -> dict[str, Any]:
            done.clear()
            return {}

    return steps, done


def test_a_step_that_outlasts_its_deadline_fails_with_its_attempts_and_is_undone() -> None:
    steps, done = _counting(timeout_ms=1_000, attempts=3, backoff_ms=10)

    run = drive(steps)

    assert (run.status, run.problems) == ("rolled_back", ["no_report"] * 3)
    assert done == []
    assert run.seconds < 10


def test_a_forgotten_message_costs_one_deadline_and_comes_again_under_the_next_attempt() -> None:
    steps, done = _counting(timeout_ms=7_200_000)

    run = drive(steps, faults=[Fault("silence", "count")])

    assert (run.status, run.problems, done) == ("completed", ["no_report"], ["-"])
    assert [told.attempt for told in run.told] == [2]
    assert run.seconds == pytest.approx(3 * 3_600, abs=10)


def test_chunks_run_side_by_side_and_a_crash_repeats_only_what_was_not_answered() -> None:
    steps, done = _counting(timeout_ms=7_200_000, chunks=4, window=2)

    clean = drive(steps)
    assert (clean.status, sorted(done), clean.seconds) == ("completed", ["0", "1", "2", "3"], pytest.approx(2 * 3_600, abs=10))
    done.clear()

    run = drive(steps, faults=[Fault("crash", "count", chunk="2", at=1)])

    assert run.status == "completed"
    assert sorted(done) == ["0", "1", "2", "3"]


def test_going_back_calls_back_what_is_under_way_and_looks_before_it_undoes_D5() -> None:
    steps, done = _counting()

    @steps.act("slow", phase="testing", compensation="Undo it.")
    class Slow:
        async def apply(self, work: Work) -> dict[str, Any]:
            done.append("slow began")
            await asyncio.sleep(3_000)
            done.append("slow ended")
            return {}

        async def undo(self, work: Work) -> dict[str, Any]:
            done.append("slow undone")
            return {}

        async def applied(self, work: Work) -> bool:
            return "slow began" in done

    run = drive(steps, roll_back_after="count", roll_back_s=60)

    assert run.status == "rolled_back"
    assert done == []  # the undo of `count`, which came first and is undone last, clears it
    assert [told.direction for told in run.told if told.step == "slow"] == ["apply", "check", "undo"]
    assert run.events.count("WorkSettled") == 2
    assert run.seconds < 3_600 + 120


def test_a_failure_that_cannot_pass_is_not_tried_again() -> None:
    steps, _ = _counting()

    @steps.check("look", phase="testing")
    async def look(work: Work) -> dict[str, Any]:
        raise StepError("nothing_there", "there is nothing", retryable=False)

    run = drive(steps)

    assert (run.status, run.problems) == ("rolled_back", ["nothing_there"])


def test_a_check_is_made_again_until_it_holds_or_its_deadline() -> None:
    steps, looks = Steps(), list[int]()

    @steps.check("look", phase="testing", timeout_ms=600_000, attempts=1)
    async def look(work: Work) -> dict[str, Any]:
        looks.append(1)
        if len(looks) < 10:
            raise NotYet("not_there", "it is not there yet")
        return {"looks": len(looks)}

    assert drive(steps).evidence == {"look": {"looks": 10}}
    looks[:] = [1] * -(10**6) if False else [-1] * 0
    never = Steps()

    @never.check("never", phase="testing", timeout_ms=60_000, attempts=1)
    async def look_in_vain(work: Work) -> dict[str, Any]:
        raise NotYet("not_there", "it is not there yet")

    run = drive(never)
    assert (run.status, run.problems) == ("rolled_back", ["not_there"])
    assert run.seconds <= 61


def test_a_defect_of_a_step_is_reported_as_unexpected() -> None:
    steps, _ = _counting()

    @steps.check("broken", phase="testing", attempts=2)
    async def broken(work: Work) -> dict[str, Any]:
        raise ZeroDivisionError

    assert drive(steps).problems == ["unexpected", "unexpected"]


def test_a_fault_that_never_strikes_fails_the_test() -> None:
    steps, _ = _counting()

    with pytest.raises(AssertionError, match="no such work was told"):
        drive(steps, faults=[Fault("crash", "count", at=99)])


def test_mistakes_in_writing_steps_are_said_at_once() -> None:
    steps = Steps()

    with pytest.raises(ValueError, match="phase"):
        steps.check("look", phase="someday")
    with pytest.raises(ValueError, match="there is no step nowhere"):
        steps.options({"nowhere": {}}, kafka={"topic": "t.external-work"})
    steps.check("look", phase="testing")
    with pytest.raises(ValueError, match="two steps look"):
        steps.check("look", phase="testing")
