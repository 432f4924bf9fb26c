"""The history of an aggregate: its events as the log has them, a plan, evidence, and what a client's command led to."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from libs.contracts.migration.events import ChunkSucceeded, MigrationPlanned, StepCompensated, StepSucceeded
from libs.contracts.migration.plan import Plan
from libs.readmodel.cursor import limited
from libs.readmodel.facts import KINDS, Fact, stored_fact, text
from libs.readmodel.queries.page import Page, page_of
from libs.readmodel.reading import Snapshot

_COLUMNS = "e.kind, e.partition, e.pos, e.type, e.schema, e.record"
_BOUND = "($4::int[] IS NULL OR e.pos < (SELECT b.bound FROM unnest($4::int[], $5::bigint[]) AS b (partition, bound) WHERE b.partition = e.partition))"
_HISTORY = f"""SELECT {_COLUMNS} FROM event e WHERE e.kind = $1 AND e.tenant = $2 AND e.aggregate = $3 AND {_BOUND}
AND e.pos > $6 AND ($7::text[] IS NULL OR e.type = ANY($7)) ORDER BY e.pos LIMIT $8"""  # noqa: S608 - made of constants
_CAUSED = f"SELECT {_COLUMNS} FROM event e WHERE e.tenant = $2 AND e.client_command = $3 AND e.kind = $1 AND {_BOUND} ORDER BY e.pos"  # noqa: S608


class Finding(NamedTuple):
    """Evidence that a step left, and the event that holds it."""

    event_id: str
    step: str
    type: str
    recorded_at: int
    evidence: dict[str, Any]


def _bounds(snapshot: Snapshot, aggregate: str) -> tuple[list[int] | None, list[int] | None]:
    if snapshot.at is None:
        return None, None
    at = snapshot.at.of(aggregate)
    return [place[1] for place in at], list(at.values())


async def events(
    snapshot: Snapshot, aggregate: str, tenant: str, id_: str, *, types: Sequence[str] = (), limit: int = 50, cursor: str = ""
) -> Page:
    """A page of an aggregate's events (facts), oldest first; of some types only, where any are named. Raises InvalidQuery."""
    query = (aggregate, tenant, id_, types, str(snapshot.at or ""))
    after = snapshot.cursors.decode(query, cursor)[0] if cursor else -1
    arguments = (KINDS[aggregate], tenant, id_, *_bounds(snapshot, aggregate), after, list(types) or None, limited(limit) + 1)
    found = [stored_fact(row) for row in await snapshot.connection.fetch(_HISTORY, *arguments)]
    return page_of(snapshot.cursors, query, found, limit, lambda fact: [fact.pos])


async def decision(snapshot: Snapshot, aggregate: str, tenant: str, command_id: str) -> list[Fact]:
    """Events that answer a client's command, in order; empty when it was not decided yet."""
    arguments = KINDS[aggregate], tenant, text(command_id), *_bounds(snapshot, aggregate)
    found = [stored_fact(row) for row in await snapshot.connection.fetch(_CAUSED, *arguments)]
    return [fact for fact in found if fact.envelope.causation_id == command_id]


async def plan(snapshot: Snapshot, tenant: str, id_: str) -> Plan | None:
    """The frozen plan of a migration; None before it is planned."""
    page = await events(snapshot, "migration", tenant, id_, types=[MigrationPlanned.__name__], limit=1)
    return page.rows[0].body.plan if page.rows else None


async def evidence(snapshot: Snapshot, tenant: str, id_: str, *, limit: int = 50, cursor: str = "") -> Page:
    """A page of findings of a migration's steps, oldest first."""
    types = [model.__name__ for model in (StepSucceeded, ChunkSucceeded, StepCompensated)]
    page = await events(snapshot, "migration", tenant, id_, types=types, limit=limit, cursor=cursor)
    return page._replace(rows=[_finding(fact) for fact in page.rows])


def _finding(fact: Fact) -> Finding:
    envelope, body = fact.envelope, fact.body
    return Finding(envelope.event_id, body.name, type(body).__name__, envelope.recorded_at, body.evidence)
