"""A wave of 31 rehearsals by the command line, with dependencies, a limit, a start rate and two failures that are seeded: order and
limits are read from the events alone, decoded from the shipped schemas, by code that imports nothing of what decides them (O17, O22)."""

import json
from itertools import pairwise
from typing import Any

import pytest

from libs.testing.chaos.recording import Logged, Tape
from libs.testing.waiting import PARTITIONS, wait_until
from tests.integration.cli.conftest import World, rehearsal

MEMBERS, AT_ONCE, A_MINUTE, MINUTE_US = 30, 4, 28, 60_000_000
DEPENDS = {f"e2e-{n}": sorted({f"e2e-{n // 2}", f"e2e-{n // 3}"} - {f"e2e-{n}"}) for n in range(MEMBERS)}
FAILING, BLOCKED = {"e2e-28", "e2e-29"}, "e2e-30"


class Log:
    """The events of a prefix."""

    def __init__(self, world: World) -> None:
        topics = [f"{world.environment['WHIMBREL_PREFIX']}.{kind}.events" for kind in ("migration", "wave", "capacity")]
        records = Tape(world.environment["WHIMBREL_KAFKA"], topics, PARTITIONS).catch_up()
        self._records = sorted(records, key=lambda record: (record.topic, record.partition, record.offset))

    def of(self, aggregate: str, *kinds: str) -> list[Logged]:
        """Events of some kinds of one aggregate, in order."""
        return [record for record in self._records if record.kind in kinds and record.envelope["aggregate"] == aggregate]

    def recorded(self, kind: str) -> dict[str, int]:
        """When a migration of the wave had an event of a kind first."""
        found: dict[str, int] = {}
        for record in self._records:
            if record.kind == kind and record.envelope["aggregate"].startswith("e2e-"):
                found.setdefault(record.envelope["aggregate"], record.envelope["recorded_at"])
        return found


def done(world: World, *arguments: str, given: str = "") -> Any:
    ended = world.run(*arguments, "--json", given=given)
    assert ended.code == 0, ended.err
    return ended.json


def state_of(world: World, member: str) -> Any:
    items = done(world, "wave", "members", "e2e", "--limit", "100")["items"]
    return next(one for one in items if one["migration"] == member)


def set_out(world: World) -> None:
    done(world, "capacity", "set", "limit/e2e", "--limit", str(AT_ONCE))
    done(world, "capacity", "set", "rate/e2e", "--per-minute", str(A_MINUTE))
    done(world, "wave", "plan", "e2e", "--limit", "limit/e2e", "--limit", "rate/e2e", "--max-failures", "2")
    for id_ in (*DEPENDS, BLOCKED):
        options: dict[str, Any] = {"fail_at": 2, "fail_for_good": True} if id_ in FAILING else {}
        body = json.loads(rehearsal(id_, steps=2, duration_ms=30, **options)) | {"wave": "e2e"}
        assert world.run("migrate", "file", "-", "--no-wait", given=json.dumps(body)).code == 0
    members = [f"{id_}:{','.join(others)}" for id_, others in DEPENDS.items()]
    done(world, "wave", "add", "e2e", *members, f"{BLOCKED}:e2e-28")
    done(world, "wave", "start", "e2e")


@pytest.mark.timeout(240)
def test_order_and_limits_of_a_wave_are_in_the_log_O17_O22(world: World) -> None:
    set_out(world)
    wait_until(lambda: state_of(world, BLOCKED)["state"] == "blocked", "what depends on a failure is blocked", 150)
    assert state_of(world, BLOCKED)["blockedBy"] == "e2e-28"
    assert Log(world).recorded("MigrationAdmitted").get(BLOCKED) is None
    done(world, "wave", "add", "e2e", BLOCKED)
    wait_until(lambda: done(world, "wave", "show", "e2e")["status"] == "completed", "the wave is completed", 150)

    log = Log(world)
    admitted, completed = log.recorded("MigrationAdmitted"), log.recorded("MigrationCompleted")
    assert set(admitted) == {*DEPENDS, BLOCKED}
    assert set(completed) == {*DEPENDS, BLOCKED} - FAILING
    assert set(log.recorded("MigrationRolledBack")) == FAILING
    assert all(completed[other] <= admitted[id_] for id_, others in DEPENDS.items() for other in others)
    assert most_holders(log) == AT_ONCE
    starts = sorted(record.envelope["recorded_at"] for record in log.of("rate/e2e", "SlotGranted"))
    assert len(starts) == MEMBERS + 1
    assert all(later - first >= MINUTE_US for first, later in zip(starts, starts[A_MINUTE:], strict=False))
    (ended,) = log.of("e2e", "WaveCompleted")
    assert (ended.body["completed"], ended.body["rolled_back"]) == (MEMBERS + 1 - len(FAILING), len(FAILING))


def most_holders(log: Log) -> int:
    """Most slots that were held at once, in the order of the capacity's own events."""
    held: set[str] = set()
    most = 0
    events = log.of("limit/e2e", "SlotGranted", "SlotFreed", "SlotRevoked")
    assert all(one.envelope["version"] < other.envelope["version"] for one, other in pairwise(events))
    for event in events:
        if event.kind == "SlotGranted":
            held.add(event.body["holder"])
        else:
            held.discard(event.body["holder"])
        most = max(most, len(held))
    assert held == set()
    return most
