"""What holds the members of a wave up now: every one that has not ended, what matters most first, however many they are."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from libs.contracts.envelope import key_of
from libs.contracts.work import Work
from libs.domain.holdup.waves import Said
from libs.domain.wave.evolving import waits_for
from libs.domain.wave.graph import graph_of
from libs.domain.wave.views import blocked_of
from libs.readmodel.facts import KINDS, stored_fact
from libs.readmodel.folding import rows_of
from libs.readmodel.migration import SLOT_AWAITED, SLOT_LOST
from libs.readmodel.queries.waves import circle
from libs.readmodel.reading import Snapshot
from libs.readmodel.wave import WaveRow, state_of

CODES = (
    "rollback_stuck", "failed", "undeclared", "blocked", "dead_letter", "paused", "approval", "overdue", "not_requested", "slot", "stopping",
    "back_off", "time", "work", "ready", "dependency", "admission",
)  # fmt: skip
"""Causes of members, in the order in which to look at them."""
_RANK = {code: number for number, code in enumerate(CODES)}
_ENDED = ("completed", "rolled_back", "cancelled", "rejected")
_TELLING = (
    "WavePlanned", "WaveStarted", "WaveStopped", "WavePaused", "WaveResumed", "WaveCancelled", "WaveRollbackStarted", "WaveRolledBack",
    "WaveCompleted", "PredecessorCompleted",
)  # fmt: skip
_MEMBERS = """SELECT w.number, w.migration, w.state, w.since, w.since_event, w.reason, m.id, m.mode, m.status, m.reason AS why,
    m.problem, m.updated_at, m.updated_event, m.wake_at, m.work
FROM wave_member w LEFT JOIN migration m ON m.tenant = w.tenant AND m.id = w.migration
WHERE w.tenant = $1 AND w.wave = $2 AND w.state <> ALL($3::text[]) ORDER BY w.number"""
_LETTERS = """SELECT DISTINCT d.key FROM dead_letter d LEFT JOIN dead_letter_resolution r USING (reader, topic, partition, pos)
WHERE d.tenant = $1 AND d.topic = $2 AND d.key = ANY($3::bytea[]) AND r.resolved_at IS NULL"""
_TOLD = """SELECT e.kind, e.partition, e.pos, e.type, e.schema, e.record FROM event e
WHERE e.kind = $1 AND e.tenant = $2 AND e.aggregate = $3 AND e.type = ANY($4) AND e.pos < $5 ORDER BY e.pos DESC LIMIT 1"""
_END = 1 << 62


class Held(NamedTuple):
    """What holds one member up. Times are microseconds since the epoch; `until` is 0 when it is not known."""

    number: int
    migration: str
    code: str
    """One of CODES."""
    reason: str
    since: int
    until: int
    ask: str
    """The migration or capacity to ask, beside its own holdup; empty for none."""
    events: tuple[str, ...]

    @property
    def key(self) -> tuple[int, int]:
        """Where it stands in the order."""
        return _RANK[self.code], self.number


async def said(snapshot: Snapshot, row: WaveRow) -> Said:
    """A wave, and the event that last told how it stands."""
    bound = _END if snapshot.at is None else snapshot.at.get(("wave", row.partition), 0)
    found = await snapshot.connection.fetchrow(_TOLD, KINDS["wave"], row.tenant, row.id, list(_TELLING), bound)
    if found is None:
        return Said(row.id, state_of(row), row.updated_event, row.updated_at)
    envelope = stored_fact(found).envelope
    return Said(row.id, state_of(row), envelope.event_id, envelope.recorded_at)


async def before(snapshot: Snapshot, row: WaveRow) -> tuple[Mapping[str, Said], list[str]]:
    """The waves that one still waits for, and the ring that it is part of, if it is."""
    names = waits_for(state_of(row))
    rows = await rows_of(snapshot, "wave", row.tenant, names)
    return {name: await said(snapshot, other) for name, other in rows.items()}, await circle(snapshot, row.tenant, row.id, names)


async def held(snapshot: Snapshot, row: WaveRow, topic: str, now: int) -> list[Held]:
    """Every member that has not ended and what holds it up, what matters most first. At most ten thousand."""
    records = await snapshot.connection.fetch(_MEMBERS, row.tenant, row.id, list(_ENDED))
    keys = {key_of(row.tenant, record["migration"]): record["migration"] for record in records}
    letters = {keys[one["key"]] for one in await snapshot.connection.fetch(_LETTERS, row.tenant, topic, list(keys))}
    state = state_of(row)
    blocked = {one.migration: one for one in blocked_of(state)}
    graph = graph_of(state.pages)
    since = {record["migration"]: record["since_event"] for record in records}
    found = []
    for record in records:
        name = record["migration"]
        one = _of(record, now)
        if name in letters:
            one = one._replace(code="dead_letter", reason="a command to it could not be taken and waits to be replayed or discarded")
        elif name in blocked:
            by = blocked[name].by
            events = (record["since_event"], *([since[by]] if by in since else []))
            one = one._replace(code="blocked", reason=f"{by} {blocked[name].reason}", ask=by, events=events)
        elif one.code == "dependency":
            open_ = [graph.ids[n] for n in graph.depends[graph.index[name]] if graph.ids[n] in since]
            one = one._replace(reason=f"it comes after {_listed(open_)}" if open_ else one.reason, ask=open_[0] if open_ else "")
        found.append(one)
    return sorted(found, key=lambda one: one.key)


def _of(record: Any, now: int) -> Held:
    state, known = record["state"], record["id"] is not None
    code, reason = _FROM_WAVE.get(state, ("", ""))
    if not known:
        code, reason = "not_requested", "nobody has asked for it yet"
    if code:
        reason = record["reason"] or reason
        return Held(record["number"], record["migration"], code, reason, record["since"], 0, "", (record["since_event"],))
    code, reason, until, ask = _from_migration(record, now)
    events = (record["since_event"], record["updated_event"])
    return Held(record["number"], record["migration"], code, reason, record["updated_at"], until, ask, events)


_FROM_WAVE = {
    "planned": ("dependency", "something it depends on is not completed"),
    "ready": ("ready", "its turn has come, and the wave admits nobody now"),
    "admitted": ("admission", "it was admitted, and has not been heard of since"),
    "undeclared": ("undeclared", "its request depends on what the wave does not know"),
    "failed": ("failed", "it failed and is held"),
    "stuck": ("rollback_stuck", "it could not be undone"),
}


def _from_migration(record: Any, now: int) -> tuple[str, str, int, str]:
    """Code, reason, until and whom to ask, of one that is on its way."""
    mode, status, why = record["mode"], record["status"], record["why"]
    problem = msgspec.json.decode(record["problem"])["message"] if record["problem"] else ""
    for sign in (SLOT_AWAITED, SLOT_LOST):
        if why.startswith(sign) and mode in ("running", "paused", "held"):
            return "slot", f"it {why}", record["wake_at"], why.removeprefix(sign).partition(":")[0]
    if mode == "stuck":
        return "rollback_stuck", problem or "a compensation failed for good", 0, ""
    if mode == "held":
        return "failed", problem or "a step failed for good", 0, ""
    if mode == "paused":
        return "paused", f"it was paused: {why}", 0, ""
    if status == "awaiting_approval":
        return "approval", "it waits for a person to approve what follows", record["wake_at"], ""
    works = msgspec.json.decode(record["work"], type=tuple[Work, ...])
    if not works:
        return ("time", "it waits for a time", record["wake_at"], "") if record["wake_at"] else ("work", f"it is {status}", 0, "")
    return _working(mode, works, now)


def _working(mode: str, works: Sequence[Work], now: int) -> tuple[str, str, int, str]:
    first = min(works, key=lambda work: work.deadline)
    attempt = f"the {first.worker} is at it, attempt {first.attempt}"
    if first.deadline <= now:
        return "overdue", f"the {first.worker} has not reported in time, attempt {first.attempt}", 0, ""
    if mode in ("stopping", "rolling_back"):
        return "stopping", f"it goes back: {attempt}", first.deadline, ""
    if min(work.not_before for work in works) > now:
        return "back_off", f"attempt {first.attempt} begins later", first.not_before, ""
    return "work", attempt, first.deadline, ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
