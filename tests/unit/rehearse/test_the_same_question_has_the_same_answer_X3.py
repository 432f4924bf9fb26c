"""A rehearsal is a function of log, seed and what-if, and of nothing else (X3)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from libs.rehearse.history import AGAIN, OK, Attempt, History, Key, Learner
from libs.rehearse.rehearsing import Question, ask
from libs.testing.rehearsals import NOW, SECOND, Live

ROOT = Path(__file__).resolve().parents[3]
IN_ANOTHER_PROCESS = """
from tests.unit.rehearse.test_the_same_question_has_the_same_answer_X3 import answer
print(answer(7)["hash"])
"""


def uneven() -> History:
    """Steps that take 10 to 200 seconds, one in five after a failure; policies' commands a few milliseconds."""
    learner = Learner()
    for number in range(200):
        took = (10 + number * 37 % 191) * SECOND
        course = (Attempt(took, OK),) if number % 5 else (Attempt(took, AGAIN), Attempt(took // 2, OK))
        learner.course(Key("rehearsal", "copy", "apply"), NOW - number * SECOND, course)
        learner.course(Key("rehearsal", "switch", "apply"), NOW - number * SECOND, course[::-1] if len(course) == 1 else course)
        learner.course(Key("", "admit-members", "lag"), NOW - number * SECOND, (Attempt(number * 100, OK),))
    return learner.history()


def answer(seed: int, runs: int = 6, **question: Any) -> Any:
    """The answer about a wave of 40, at most 8 at once."""
    live = Live()
    live.capacity("limit/host", limit=8)
    live.fleet("w", 40, limits=("limit/host",))
    return ask(live.fork(uneven()), Question(("w",), seed, runs, **question))


def test_twice_is_the_same_X3() -> None:
    first, second, other = answer(7), answer(7), answer(8)

    assert first == second
    assert first["hash"] != other["hash"]
    assert first["finish"] != other["finish"]


def test_another_process_with_another_hash_seed_says_the_same_X3() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )

    assert ended.stdout.strip() == answer(7)["hash"], ended.stderr


def test_how_many_processes_share_the_runs_changes_nothing_X3() -> None:
    assert answer(7, processes=2) == answer(7)


def test_an_empty_what_if_is_the_baseline_X3() -> None:
    assert answer(7, what_if={}) == answer(7)
    assert answer(7, what_if={"durations": {"plan": 9.0}}) == answer(7), "everybody is planned already"


def test_a_run_is_the_same_whatever_runs_beside_it_X3() -> None:
    """More runs are the same runs and further ones: the likeliest end of one run lies within what two came to."""
    one, two = answer(7, runs=1), answer(7, runs=2)

    assert one["finish_s"]["p50"] in (two["finish_s"]["p10"], two["finish_s"]["p90"])


def test_what_is_changed_shuffles_nothing_else_X3() -> None:
    """Steps of the others draw what they drew before: with everybody at once, the last to end ends when it did."""
    live = Live()
    live.fleet("w", 20)
    live.migration("w-slow", wave="w")
    before = ask(live.fork(uneven()), Question(("w",), 3, 4))
    add = {"aggregate": "wave", "id": "w", "command": "AddMembers", "body": {"members": [{"migration": "w-slow"}]}}
    after = ask(live.fork(uneven()), Question(("w",), 3, 4, what_if={"commands": [add]}))

    assert after["members"] == before["members"] + 1
    assert all(after["finish_s"][level] >= before["finish_s"][level] for level in ("p10", "p50", "p90"))
    kept = sum(after["finish_s"][level] == before["finish_s"][level] for level in ("p10", "p50", "p90"))
    assert kept >= 2
