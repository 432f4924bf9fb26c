"""The checker of the drill passes a clean history and finds every anomaly that is planted in one (O1, O9, O17, O22)."""

import json
from typing import Any

import pytest

from libs.testing.drill.checker.callbacks import Callback
from libs.testing.drill.checker.capacities import closed
from libs.testing.drill.checker.checking import check
from libs.testing.drill.checker.findings import CALLBACKS, FENCED, LEAKED, LIMITS, STUCK, UNFIT, UNTOLD
from libs.testing.drill.checker.story import Event, Story, told
from libs.testing.drill.checker.world import World

S = 1_000_000
LIMIT, RATE, CALENDAR = "limit/region", "rate/starts", "calendar/prod"
OPEN = {"limit": 0, "per_minute": 0, "windows": [], "freezes": [], "lockout_ms": 0}
CAPACITIES: dict[str, dict[str, Any]] = {
    LIMIT: {**OPEN, "limit": 1},
    RATE: {**OPEN, "per_minute": 2},
    CALENDAR: {
        **OPEN,
        "windows": [{"begins": 0, "ends": 100 * S}, {"begins": 200 * S, "ends": 300 * S}],
        "freezes": [{"begins": 60 * S, "ends": 80 * S, "label": "close"}],
        "lockout_ms": 5_000,
    },
}


class History:
    """Events in the order in which they happened; versions count themselves."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Event]] = []
        self.callbacks: list[Callback] = []

    def add(self, what: str, aggregate: str, at: float, kind: str, **body: Any) -> None:
        version = 1 + sum(event.aggregate == aggregate for _, event in self.events)
        envelope = {"event_id": f"{aggregate}-{version}"}
        self.events.append((what, Event(aggregate, version, int(at * S), kind, {"envelope": envelope, **body})))

    def plan(self, **wave: Any) -> None:
        for name, settings in CAPACITIES.items():
            self.add("capacity", name, 0, "CapacitySet", settings=settings)
        self.add("wave", "w1", 0, "WavePlanned", settings={"after": [], "max_running": 1, "max_failures": 0, **wave})
        members = [{"migration": "a", "depends_on": []}, {"migration": "b", "depends_on": ["a"]}]
        self.add("wave", "w1", 0, "MembersAdded", members=members)
        for migration in "ab":
            self.ask(migration)

    def ask(self, migration: str) -> None:
        source = json.dumps({"hostname": migration, "instance_id": f"i-{migration}"})
        dns = {"zone_id": "Z", "name": f"{migration}.example.org."}
        options = json.dumps({"cmdb": {"item": migration}, "dns": dns, "factory": {"server": migration}})
        request = {"wave": "w1", "source": source, "options": options}
        self.add("migration", migration, 0, "MigrationRequested", request=request)

    def start(self, at: float = 0) -> None:
        self.add("wave", "w1", at, "WaveStarted")

    def admit(self, migration: str, at: float) -> None:
        self.add("wave", "w1", at, "MembersAdmitted", migrations=[migration])
        self.add("migration", migration, at, "MigrationAdmitted", limits=sorted(CAPACITIES))

    def grant(self, migration: str, at: float, *, only: tuple[str, ...] = tuple(sorted(CAPACITIES))) -> None:
        for capacity in only:
            self.add("capacity", capacity, at, "SlotGranted", holder=f"{migration}#1")
            self.add("migration", migration, at, "SlotTaken", capacity=capacity)

    def dispatch(self, migration: str, at: float, direction: str = "apply", step: int = 0, *, crosses: bool = False) -> None:
        work = {"direction": direction, "step": step}
        self.add("migration", migration, at, "WorkDispatched", work=work, name=f"step_{step}", point_of_no_return=crosses)

    def end(self, migration: str, at: float, kind: str = "MigrationCompleted", *, told_as: str = "") -> None:
        self.add("migration", migration, at, "SlotsReleased", capacities=sorted(CAPACITIES))
        self.add("migration", migration, at, kind)
        for capacity in sorted(CAPACITIES):
            self.add("capacity", capacity, at, "SlotFreed", holder=f"{migration}#1")
        self.tell(migration)

    def tell(self, migration: str, webhook_id: str = "", **more: Any) -> None:
        event_id = [event for _, event in self.events if event.aggregate == migration][-1].body["envelope"]["event_id"]
        body = {"type": "migration.end", "data": {"migration": migration, "eventId": event_id, **more}}
        self.callbacks.append((webhook_id or f"hook-{migration}", json.dumps(body).encode()))

    def move(self, migration: str, begins: float, ends: float) -> None:
        self.admit(migration, begins)
        self.grant(migration, begins)
        self.dispatch(migration, begins)
        self.end(migration, ends)

    @property
    def story(self) -> Story:
        return told(self.events)


def clean(**wave: Any) -> History:
    history = History()
    history.plan(**wave)
    history.start()
    history.move("a", 1, 10)
    history.move("b", 11, 20)
    return history


def found(history: History, **world: Any) -> dict[str, int]:
    given = {"books": BOOKS, "leaks": [], "defects": [], **world}
    return dict(check(history.story, World(**given), history.callbacks).counts)


def test_a_clean_history_has_no_findings() -> None:
    assert found(clean()) == {}


def second_begins_at(at: float, *, ends: float = 20) -> History:
    history = History()
    history.plan(max_running=0)
    history.start()
    history.move("a", 1, 10)
    history.move("b", at, max(ends, at + 1))
    return history


@pytest.mark.parametrize(("at", "why"), [(57, "lock-out before a freeze"), (61, "freeze"), (150, "no window"), (97, "lock-out")])
def test_a_slot_that_the_calendar_forbids_is_found_O17(at: float, why: str) -> None:
    assert found(second_begins_at(at)) == {LIMITS: 1}, why


def test_a_slot_at_the_first_and_at_the_last_allowed_moment_is_none() -> None:
    calendar = CAPACITIES[CALENDAR]
    assert [closed(calendar, at) for at in (0, 55 * S - 1, 80 * S, 200 * S, 295 * S - 1)] == [""] * 5
    assert all(closed(calendar, at) for at in (55 * S, 60 * S, 80 * S - 1, 95 * S, 100 * S, 295 * S, 300 * S))


def test_an_override_lets_the_freeze_pass_until_it_ends() -> None:
    history = History()
    history.plan(max_running=0)
    history.start()
    history.add("capacity", CALENDAR, 1, "FreezeOverridden", until=70 * S)
    history.move("a", 61, 69)
    history.move("b", 71, 79)

    assert found(history) == {LIMITS: 1}


def test_too_many_at_once_are_found_by_the_grants_and_by_the_migrations_O22() -> None:
    history = History()
    history.plan(max_running=0)
    history.start()
    history.admit("a", 1)
    history.grant("a", 1)
    history.dispatch("a", 1)
    history.ask("c")
    history.add("wave", "w1", 1, "MembersAdded", members=[{"migration": "c", "depends_on": []}])
    history.admit("c", 2)
    history.grant("c", 2)
    history.end("a", 10)
    history.move("b", 11, 12)
    history.end("c", 20)

    assert found(history)[LIMITS] >= 4, "a and c, then b and c, by the capacity and in their own words"


def test_more_starts_in_a_minute_than_allowed_are_found_O22() -> None:
    history = clean()
    history.ask("c")
    history.add("wave", "w1", 20, "MembersAdded", members=[{"migration": "c", "depends_on": []}])
    history.move("c", 21, 22)

    assert found(history) == {LIMITS: 1}


def test_a_slot_that_is_never_given_back_is_found_O22() -> None:
    history = clean()
    history.add("capacity", LIMIT, 30, "SlotGranted", holder="ghost#1")

    assert found(history) == {LIMITS: 1}


def test_a_step_without_a_slot_is_found_O22() -> None:
    history = clean()
    history.events = [one for one in history.events if not (one[1].kind == "SlotTaken" and one[1].aggregate == "b")]

    assert found(history) == {LIMITS: 1}


def test_a_step_after_a_slot_was_lost_is_found_unless_it_goes_back_or_is_past_return_O17() -> None:
    def lost(*, back: bool = False, crossed: bool = False) -> dict[str, int]:
        history = History()
        history.plan()
        history.start()
        history.admit("a", 1)
        history.grant("a", 1)
        history.dispatch("a", 1, crosses=crossed)
        history.add("migration", "a", 2, "SlotLost", capacity=CALENDAR)
        history.add("capacity", CALENDAR, 2, "SlotRevoked", holder="a#1")
        if back:
            history.add("migration", "a", 3, "StopRequested")
        history.dispatch("a", 4, "check" if back else "apply", 1)
        history.end("a", 10)
        history.move("b", 11, 20)
        return found(history)

    assert lost() == {LIMITS: 1}
    assert lost(back=True) == lost(crossed=True) == {}


def test_a_member_before_what_it_depends_on_is_found_O1() -> None:
    history = History()
    history.plan(max_running=0)
    history.start()
    history.admit("b", 1)
    history.move("a", 2, 10)
    history.grant("b", 11)
    history.end("b", 20)

    assert found(history) == {LIMITS: 1}


def test_a_member_before_its_wave_admitted_it_is_found_O1() -> None:
    history = clean()
    history.events = [one for one in history.events if not (one[1].kind == "MigrationAdmitted" and one[1].aggregate == "b")]

    assert found(history) == {LIMITS: 1}


def test_a_wave_before_the_one_it_comes_after_is_found_O17() -> None:
    assert found(clean(after=["w0"])) == {LIMITS: 2}
    early = clean(after=["w0"])
    early.add("wave", "w0", 5, "WaveCompleted")
    assert found(early) == {LIMITS: 1}


def test_admission_by_a_stopped_wave_is_found_O17() -> None:
    history = History()
    history.plan()
    history.start()
    history.move("a", 1, 10)
    history.add("wave", "w1", 10, "WaveStopped")
    history.move("b", 11, 20)

    assert found(history) == {LIMITS: 1}


def test_admission_after_more_failures_than_allowed_is_found_unless_a_person_accepted_them_O17() -> None:
    def lost(outcome: str, *, resumed: bool = False, **wave: Any) -> dict[str, int]:
        history = History()
        history.plan(**wave)
        history.add("wave", "w1", 0, "MembersAdded", members=[{"migration": "c", "depends_on": []}])
        history.start()
        history.move("a", 1, 10)
        history.add("wave", "w1", 10, "MemberNoted", migration="c", outcome=outcome)
        if resumed:
            history.add("wave", "w1", 10, "WaveStopped")
            history.add("wave", "w1", 10, "WaveResumed")
        history.move("b", 11, 20)
        return found(history)

    assert lost("failed") == lost("rolled_back") == {LIMITS: 1}
    assert lost("failed", max_failures=1) == lost("failed", resumed=True) == lost("cancelled") == {}


def test_more_under_way_than_the_wave_allows_are_found_O22() -> None:
    history = History()
    history.plan()
    history.start()
    history.admit("a", 1)
    history.ask("c")
    history.add("wave", "w1", 1, "MembersAdded", members=[{"migration": "c", "depends_on": []}])
    history.admit("c", 2)
    for name, begins in (("a", 3.0), ("c", 5.0)):
        history.grant(name, begins)
        history.end(name, begins + 1)
    history.move("b", 70, 71)

    assert found(history)[LIMITS] == 2, "two under way, and a slot within the freeze"


def test_who_never_ends_and_who_is_cancelled_are_stuck() -> None:
    history = clean()
    history.ask("c")
    history.ask("d")
    history.end("d", 30, "MigrationCancelled")

    assert found(history) == {STUCK: 2}


def rolled_back() -> History:
    history = clean()
    history.ask("c")
    history.end("c", 30, "MigrationRolledBack")
    return history


BOOKS = {
    "instance": {f"i-{name}": {"stopped": False, "gone_at": 0} for name in "cd"},
    "ci": {name: {"name": name, "location": "basement", "status": "live"} for name in "cd"},
    "zone": {"Z": {"records": {f"{name}.example.org. A": {"ResourceRecords": [{"Value": "192.0.2.7"}]} for name in "cd"}}},
    "factory server": {name: {"server_id": name, "migration_status": "Not started"} for name in "cd"},
    "server": {"s-1": {"tags": {"whimbrel:migration": "acme/a", "whimbrel:fence:9": "x"}}},
}


def test_the_world_as_it_should_be_has_no_findings() -> None:
    assert found(rolled_back(), books=BOOKS) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"instance": {"i-c": {"stopped": True, "gone_at": 0}}},
        {"instance": {}},
        {"ci": {}},
        {"zone": {"Z": {"records": {}}}},
        {"factory server": {"c": {"server_id": "c", "migration_status": "In progress"}}},
        {"ci": {"c": {"name": "c", "location": "cloud", "status": "live"}}},
        {"ci": {"c": {"name": "c", "location": "basement", "status": "live", "ip": "10.0.0.1"}}},
        {"zone": {"Z": {"records": {"c.example.org. A": {"ResourceRecords": [{"Value": "127.64.1.1"}]}}}}},
        {"server": {"s-9": {"tags": {"whimbrel:migration": "acme/c", "whimbrel:fence:3": "x"}}}},
    ],
)
def test_a_source_that_is_not_as_it_was_is_found_O9(wrong: dict[str, Any]) -> None:
    assert found(rolled_back(), books=BOOKS | wrong) == {FENCED: 1}


def test_what_is_left_and_what_did_not_fit_is_found_O9() -> None:
    assert found(clean(), leaks=["TESTING instance i-1 of acme/a"], defects=["x"]) == {LEAKED: 1, UNFIT: 1}


def test_one_id_with_two_contents_and_one_event_under_two_ids_are_found_R13() -> None:
    twice, other, silent = clean(), clean(), clean()
    twice.tell("b")
    assert found(twice) == {}, "the same again is allowed"

    twice.tell("b", status="another")
    other.tell("b", webhook_id="hook-2")
    silent.callbacks.pop()

    assert found(twice) == {CALLBACKS: 1}
    assert found(other) == {CALLBACKS: 1}
    assert found(silent) == {UNTOLD: 1}
