"""The rollback of a half-cut-over wave comes to the same end wherever a process dies, and a provider that forgets is found (O4, O9, X5)."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from libs.contracts.values import Evidence
from libs.providers.aws_mgn import acting
from libs.providers.aws_mgn.acting import Act
from libs.providers.aws_mgn.move import Move
from libs.testing.aws_move import environment
from libs.testing.drill.boundaries.enumerating import enumerate_all
from libs.testing.drill.boundaries.fleet import URL
from libs.testing.drill.boundaries.reach import without_wire
from libs.testing.virtual_time import run

MEMBERS = 10
Undo = Callable[[Move, Act], Awaitable[Evidence]]


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in environment(URL).items():
        monkeypatch.setenv(name, value)
    with without_wire():
        yield


def test_a_crash_at_every_boundary_leads_to_the_same_end() -> None:
    found = run(enumerate_all(MEMBERS))

    assert found.differing == []
    assert found.end["leaks"] == []
    assert found.end["holders"] == b"\n"
    assert set(found.end["migrations"].values()) == {"completed", "rolled_back", "waiting"}
    assert found.boundaries["step"] == found.items > MEMBERS
    assert all(found.boundaries.values())


def test_an_undo_that_takes_having_begun_for_having_done_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: set[str] = set()
    undo: Undo = acting.undo

    async def forgetful(move: Move, act: Act) -> Evidence:
        if move.work.work_id in begun:
            return {"undone": True}
        begun.add(move.work.work_id)
        done = await undo(move, act)
        begun.discard(move.work.work_id)
        return done

    monkeypatch.setattr(acting, "undo", forgetful)

    assert run(enumerate_all(3)).differing
