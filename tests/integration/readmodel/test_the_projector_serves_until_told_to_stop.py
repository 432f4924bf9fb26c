"""The service as a process: it catches up, stops at SIGTERM, keeps poison aside and refuses a broken history."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from libs.contracts.migration import commands as c
from libs.readmodel.queries.migrations import one
from libs.readmodel.queries.operations import dead_letters
from libs.readmodel.reading import ReadModel
from libs.runtime.settings import Settings
from libs.testing.log_writer import LogWriter
from libs.testing.migrations import act, plan_of
from libs.testing.servers import SharedServers
from libs.testing.services import Service, environment_of
from libs.testing.waiting import PARTITIONS


@pytest.fixture
def service(stack: SharedServers, prefix: str, tmp_path: Path) -> Iterator[Service]:
    process = Service("services.projector", 0, environment_of(stack, prefix), tmp_path)
    process.start()
    yield process
    process.stop()


async def test_it_catches_up_and_stops_when_told(service: Service, writer: LogWriter, read: ReadModel) -> None:
    writer.request("acme", "mig-1", plan_of(act("copy")))
    writer.flush()
    service.wait_ready()
    version = writer.states["migration", "acme", "mig-1"].stream.version
    wait_for = await read.wait_for((await read.position()), 5)
    assert wait_for
    async with read.snapshot() as snapshot:
        row = await one(snapshot, "acme", "mig-1")
    while row is None or row.version < version:
        async with read.snapshot() as snapshot:
            row = await one(snapshot, "acme", "mig-1")
    assert (row.status, row.step_name) == ("replicating", "copy")
    assert service.stop() == 0


async def test_poison_is_kept_and_does_not_stall_R11(service: Service, settings: Settings, writer: LogWriter, read: ReadModel) -> None:
    topic = f"{settings.prefix}.migration.events"
    writer.request("acme", "mig-1", plan_of(act("copy")))
    for number in range(20):
        writer.produce(topic, b"acme/mig-2", bytes([0, 0, 0, 0, 1, number]), [("ce_dataschema", b"unknown")], number % PARTITIONS)
    writer.produce(topic, b"acme/nul\0", b"garbage", None, 0)
    writer.tell("migration", "acme", "mig-1", c.PauseMigration(reason="lunch"))
    writer.flush()
    service.wait_ready()
    letters: list[Any] = []
    row = None
    while len(letters) < 21 or row is None or row.status != "paused":
        async with read.snapshot() as snapshot:
            row = await one(snapshot, "acme", "mig-1")
            letters = (await dead_letters(snapshot, "acme", limit=100)).rows
    assert {letter["reader"] for letter in letters} == {"projector"}
    assert {letter["value"] for letter in letters if letter["reason"] != "not_wire_format"} == {
        bytes([0, 0, 0, 0, 1, n]) for n in range(20)
    }
    assert len({(letter["topic"], letter["partition"], letter["pos"]) for letter in letters}) == 21


async def test_an_event_that_does_not_follow_is_refused_and_kept_and_the_next_ones_are_taken_D4(
    service: Service, read: ReadModel, writer: LogWriter
) -> None:
    writer.request("acme", "mig-1", plan_of(act("copy")))
    kept, writer.produce = writer.produce, lambda *_: None  # type: ignore[method-assign]
    writer.tell("migration", "acme", "mig-1", c.PauseMigration(reason="never written"))
    writer.produce = kept  # type: ignore[method-assign]
    writer.tell("migration", "acme", "mig-1", c.ResumeMigration())
    writer.request("acme", "mig-2", plan_of(act("copy")))
    writer.flush()
    service.wait_ready()
    letters: Any = []
    row = None
    while not letters or row is None:
        async with read.snapshot() as snapshot:
            row = await one(snapshot, "acme", "mig-2")
            letters = (await dead_letters(snapshot, "acme", limit=100)).rows
    assert {letter["reason"] for letter in letters} == {"does_not_follow"}
    assert service.exit_code() is None


async def test_an_event_that_fits_by_version_but_does_not_name_its_predecessor_is_refused_SEC(
    service: Service, read: ReadModel, writer: LogWriter
) -> None:
    writer.request("acme", "mig-1", plan_of(act("copy")))
    key = ("migration", "acme", "mig-1")
    true = writer.states[key]
    writer.states[key] = replace(true, stream=replace(true.stream, head=b"somebody else's"))
    writer.tell("migration", "acme", "mig-1", c.CancelMigration(reason="forged"))
    writer.states[key] = true
    writer.tell("migration", "acme", "mig-1", c.PauseMigration(reason="lunch"))
    writer.flush()
    service.wait_ready()
    letters: Any = []
    row = None
    while not letters or row is None or row.status != "paused":
        async with read.snapshot() as snapshot:
            row = await one(snapshot, "acme", "mig-1")
            letters = (await dead_letters(snapshot, "acme", limit=100)).rows
    assert {letter["reason"] for letter in letters} == {"does_not_follow"}
    assert row.reason == "lunch"
