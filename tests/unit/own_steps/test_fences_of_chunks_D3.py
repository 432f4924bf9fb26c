"""Steps of one's own keep fences: chunks side by side, everything else in order, at the same cost however many chunks (D3, D6)."""

from pathlib import Path

from msgspec.structs import replace

from libs.own_steps.store import _SEEN, Store
from libs.providers.external.message import WorkData


def work(chunk: str, fence: int, step: str = "copy", direction: str = "apply", migration: str = "m") -> WorkData:
    return WorkData(
        work_id=f"acme/{migration}/0/{chunk}/{direction}/1", attempt=1, fence=fence, deadline="", tenant="acme", migration=migration,
        step=step, kind="act", phase="replicating", chunk=chunk, chunks=9, parameters={}, source={}, target={}, report="", ticket="",
    )  # fmt: skip


def test_chunks_of_one_step_do_not_fence_each_other_but_a_later_attempt_does_D3() -> None:
    store = Store()

    assert [store.admit(work("2", 7)), store.admit(work("1", 6)), store.admit(work("1", 6))] == [0, 0, 0]
    assert store.admit(replace(work("1", 9), attempt=2)) == 0
    assert store.admit(work("1", 6)) == 9


def test_another_step_an_undo_and_another_migration_each_count_as_they_should_D3(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    assert [store.admit(work("1", 6)), store.admit(work("1", 8, direction="undo"))] == [0, 0]

    assert store.admit(work("2", 7)) == 8
    assert store.admit(work("-", 7, step="switch")) == 8
    assert store.admit(work("-", 1, migration="other")) == 0
    store.close()

    again = Store(tmp_path / "store.db")
    assert (again.admit(work("2", 7)), again.admit(work("2", 9))) == (8, 0)


def test_a_step_of_many_chunks_looks_at_no_more_than_one_of_few_D6() -> None:
    store = Store()
    for number in range(5_000):
        assert store.admit(work(str(number), number + 2)) == 0

    plan = store._database.execute("EXPLAIN QUERY PLAN " + _SEEN, ("acme/m", "copy", "apply", "acme/m", "copy", "apply", "1")).fetchall()
    assert all("SEARCH" in row[3] for row in plan if "fence" in row[3] or "highest" in row[3])
    assert store._database.execute("SELECT count(*) FROM highest").fetchone() == (1,)
