"""The answer: every cause that stands, in the order in which to look at them."""

from collections.abc import Iterable
from typing import Any

from libs.contracts.capacity import CapacitySet, FreezeOverridden, SlotFreed, SlotGranted, SlotQueued, SlotRevoked
from libs.contracts.envelope import POLICY
from libs.contracts.migration import events as e
from libs.contracts.migration.gates import SlotRequested
from libs.contracts.refusal import CommandRefused
from libs.domain.holdup.approval import waits_for_approval
from libs.domain.holdup.cause import (
    LETTER,
    MIGRATION,
    OPERATOR,
    PERSON,
    ROLE,
    SERVICE,
    TIME,
    WAVE,
    Ask,
    Cause,
    Event,
    Letter,
    cause,
    listed,
)
from libs.domain.holdup.slots import asks_again_later, waits_for_slot
from libs.domain.holdup.standing import Standing, standing
from libs.domain.holdup.working import in_flight, item_of, work_of
from libs.domain.migration.evolving import GRACE_US

CAPACITY_EVENTS = (CapacitySet, FreezeOverridden, SlotFreed, SlotGranted, SlotQueued, SlotRevoked)
"""Types of events that what a capacity says depends on."""
AFTERWARDS = (CommandRefused, e.MigrationArchived)
"""Types of events of a migration that change nothing of how far it came."""
_HOW: dict[type[Any], str] = {
    e.MigrationCompleted: "completed",
    e.MigrationRolledBack: "rolled back",
    e.MigrationCancelled: "cancelled",
    e.MigrationRejected: "rejected",
}
_OPERATOR = [Ask(ROLE, OPERATOR)]


def causes(migration: str, events: Iterable[Event], now: int, letters: Iterable[Letter] = ()) -> list[Cause]:
    """What holds a migration up at a moment, in the order in which to look at it; never empty for one that was requested.

    `events` are its own, those of the capacity that it waits for, and the last of each migration that it depends on that
    tells how far it came; of
    each aggregate oldest first. What is left out counts as not having happened.
    """
    own: list[Event] = []
    capacity: list[Event] = []
    others: dict[str, Event] = {}
    for event in events:
        if isinstance(event.body, CAPACITY_EVENTS):
            capacity.append(event)
        elif event.envelope.aggregate == migration:
            own.append(event)
        elif not isinstance(event.body, AFTERWARDS):
            others[event.envelope.aggregate] = event
    found = standing(own)
    if found.end is not None:
        return [_ended(found.end)]
    waiting = [*_people(found), *_letters(letters), *_gates(found, capacity, others, now), *_waits(found, now), *_works(found, now)]
    return waiting or ([cause("nothing", "nothing holds it up", [found.last], [])] if found.last is not None else [])


def _ended(end: Event) -> Cause:
    body = end.body
    why = body.problems[0].message if isinstance(body, e.MigrationRejected) and body.problems else getattr(body, "reason", "")
    return cause("ended", f"it has ended: it was {_HOW[type(body)]}" + (f" ({why})" if why else ""), [end], [])


def _people(found: Standing) -> list[Cause]:
    """What a person must do something about, or has stopped."""
    waiting = [_stuck(found.stuck)] if found.stuck else []
    waiting += [_failed(failed) for failed in found.failed.values()]
    if found.paused and not found.slot:  # what lost its slot goes on by itself once it holds one again
        waiting.append(_paused(found.paused, found.request))
    if found.stopping:
        waiting.append(_stopping(found.stopping, found.overruled, list(found.work.values())))
    return waiting


def _paused(paused: Event, request: Event | None) -> Cause:
    actor, why = paused.envelope.actor, paused.body.reason
    wave = request.body.request.wave if request is not None else ""
    if request is not None and actor.startswith(POLICY) and why.startswith(f"wave {wave}: "):
        return cause("paused", f"it was paused by its {why}", [paused, request], [Ask(WAVE, wave)])
    return cause("paused", f"it was paused by {actor}: {why}", [paused], [Ask(PERSON, actor)])


def _stuck(stuck: Event) -> Cause:
    body = stuck.body
    reason = f"undoing {body.name} failed for good: {body.problem.message}; an operator must retry or skip it"
    return cause("rollback_stuck", reason, [stuck], _OPERATOR, details=_problem(body))


def _problem(body: e.StepFailed | e.RollbackStuck) -> dict[str, str]:
    return {"step": body.name, "problem": body.problem.code}


def _failed(failed: Event) -> Cause:
    body = failed.body
    reason = f"{body.name} failed and is held for an operator: {body.problem.message}"
    return cause("failed", reason, [failed], _OPERATOR, details=_problem(body))


def _stopping(stop: Event, overruled: Event | None, awaited: list[Event]) -> Cause:
    said = [stop, overruled] if overruled else [stop]
    body = said[-1].body
    until = max([stop.body.settle_by, *(work_of(event).deadline + GRACE_US for event in awaited)])
    names = listed([item_of(event) for event in awaited])
    reason = f"it is to go back ({body.reason})" + (f", once this has come to rest: {names}" if names else "")
    services = sorted({work_of(event).worker for event in awaited})
    return cause(
        "stopping", reason, [*said, *awaited], [Ask(SERVICE, name) for name in services], until=until, details={"intent": body.intent}
    )


def _letters(letters: Iterable[Letter]) -> list[Cause]:
    """Commands of it that were never taken."""
    return [
        Cause(
            code="dead_letter",
            reason=f"a command to it could not be taken ({letter.reason}) and waits to be replayed or discarded",
            since=letter.read_at,
            until=0,
            ask=(Ask(LETTER, letter.id), *_OPERATOR),
            events=(),
            details={"reason": letter.reason},
        )
        for letter in letters
    ]


def _gates(found: Standing, capacity: list[Event], others: dict[str, Event], now: int) -> list[Cause]:
    """What it waits for before it begins, or goes on."""
    waiting = []
    if found.admission:
        waiting = [
            _admission(found.admission, found.declined, _met(found.request, others)),
            *_dependencies(found.admission, found.request, others),
        ]
    if found.slot:
        asked = isinstance(found.slot.body, SlotRequested)
        waiting.append(waits_for_slot(found.slot, capacity, now) if asked else asks_again_later(found.slot))
    return waiting


def _admission(awaited: Event, declined: Event | None, met: list[Event]) -> Cause:
    """That its wave has not admitted it, though what these events tell of is completed."""
    wave = awaited.body.wave
    reason, ask = f"it waits for the wave {wave} to admit it", [Ask(WAVE, wave)]
    if declined is not None:
        reason += f", which does not know that it depends on {listed(list(declined.body.undeclared))}"
        ask += _OPERATOR
    sources = [awaited, *([declined] if declined else []), *met]
    return cause("admission", reason, sources, ask, details={"wave": wave})


def _met(request: Event | None, others: dict[str, Event]) -> list[Event]:
    """What says that a migration depends on others that are completed; nothing when there are none."""
    if request is None:
        return []
    last = [others[name] for name in request.body.request.depends_on if name in others]
    met = [other for other in last if isinstance(other.body, e.MigrationCompleted)]
    return [request, *met] if met else []


def _dependencies(awaited: Event, request: Event | None, others: dict[str, Event]) -> list[Cause]:
    """Migrations it depends on that are not completed."""
    if request is None:
        return []
    named = [(name, others.get(name)) for name in request.body.request.depends_on]
    return [
        cause(
            "dependency",
            f"it depends on {name}, which {_left(last)}",
            [awaited, request, *([last] if last else [])],
            [Ask(MIGRATION, name)],
            details={"migration": name},
        )
        for name, last in named
        if last is None or not isinstance(last.body, e.MigrationCompleted)
    ]


def _left(last: Event | None) -> str:
    if last is None:
        return "nobody has asked for"
    how = _HOW.get(type(last.body))
    return f"was {how} and will not complete" if how else "has not completed"


def _waits(found: Standing, now: int) -> list[Cause]:
    """The wait that is its current step."""
    if found.wait is None:
        return []
    body = found.wait.body
    if isinstance(body, e.WaitStarted):
        return [
            cause("time", f"{body.name} waits for a time", [found.wait], [Ask(TIME, "")], until=body.until, details={"step": body.name})
        ]
    return [waits_for_approval(found, found.wait, now)]


def _works(found: Standing, now: int) -> list[Cause]:
    """Work in flight; that of a migration which is to stop is awaited, and named there."""
    return [] if found.stopping else [in_flight(event, found.plan, now) for event in found.work.values()]
