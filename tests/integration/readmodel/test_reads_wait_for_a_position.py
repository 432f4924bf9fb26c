"""Read your writes: a read that names a position waits for it, and says how far it came when that takes too long."""

import pytest

from libs.contracts.migration import commands as c
from libs.readmodel.errors import Behind, InvalidQuery
from libs.readmodel.generations import NoReadModel
from libs.readmodel.position import Position, parse
from libs.readmodel.queries.migrations import one
from libs.readmodel.queries.timeline import decision, events, evidence, plan
from libs.readmodel.reading import ReadModel
from libs.runtime.settings import Settings
from libs.runtime.sink import Pool
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import act, plan_of
from tests.integration.readmodel.conftest import ends_of, serving


def _head(settings: Settings) -> Position:
    return Position({(p[0].split(".")[1], p[1]): end for p, end in ends_of(settings).items() if p[0].endswith(".events")})


async def test_no_read_after_a_write_is_stale(settings: Settings, pool: Pool, writer: LogWriter, read: ReadModel) -> None:
    writer.request("acme", "mig-1", plan_of(act("copy"), act("switch")))
    async with serving(settings, pool):
        for number in range(30):
            body = c.PauseMigration(reason=f"{number}") if number % 2 == 0 else c.ResumeMigration()
            writer.tell("migration", "acme", "mig-1", body, command_id=f"key-{number}")
            writer.flush()
            reached = await read.wait_for(parse(str(_head(settings))), 30)
            assert reached.reaches(_head(settings))
            async with read.snapshot() as snapshot:
                row = await one(snapshot, "acme", "mig-1")
                assert row is not None
                assert row.version == writer.states["migration", "acme", "mig-1"].stream.version
                answer = await decision(snapshot, "migration", "acme", f"key-{number}")
                assert type(answer[0].body).__name__ == ("MigrationResumed" if number % 2 else "MigrationPaused")


async def test_a_wait_that_is_too_long_says_how_far_it_came(
    settings: Settings, writer: LogWriter, read: ReadModel, project: object
) -> None:
    with pytest.raises(NoReadModel):
        await read.position()
    writer.request("acme", "mig-1", plan_of(act("copy")))
    writer.flush()
    await project()  # type: ignore[operator]
    beyond = Position({place: offset + 1 for place, offset in _head(settings).items()})
    with pytest.raises(Behind) as behind:
        await read.wait_for(beyond, 0.05)
    assert parse(behind.value.position).of("migration") == _head(settings).of("migration")


async def test_the_history_tells_plan_and_evidence(settings: Settings, writer: LogWriter, read: ReadModel, project: object) -> None:
    frozen = plan_of(act("copy"), act("switch"))
    writer.request("acme", "mig-1", frozen)
    writer.report("acme", "mig-1")
    writer.flush()
    await project()  # type: ignore[operator]
    async with read.snapshot() as snapshot:
        assert await plan(snapshot, "acme", "mig-1") == frozen
        assert [(found.step, found.evidence) for found in (await evidence(snapshot, "acme", "mig-1")).rows] == [("copy", {"rows": 41})]
        assert (await events(snapshot, "migration", "globex", "mig-1")).rows == []
        assert await one(snapshot, "globex", "mig-1") is None


@pytest.mark.parametrize("text", ["", "migration", "migration:x:1", "migration:0:-1", "a:1:2;b", "migration:0:1,,"])
def test_positions_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="aggregate:partition:offset"):
        parse(text)
