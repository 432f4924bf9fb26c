"""Deliveries and subscriptions, one or a page of them; now, or as of the snapshot's moment."""

from typing import Any

from libs.readmodel.cursor import limited
from libs.readmodel.delivery import DeliveryRow
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.facts import text
from libs.readmodel.folding import in_order, rows_of
from libs.readmodel.queries.page import Page, page_of
from libs.readmodel.reading import Snapshot
from libs.readmodel.subscription import SubscriptionRow

STATUSES = {"delivery": ("sending", "delivered", "failed"), "subscription": ("active", "disabled", "deleted")}
"""What the status of each can be."""
_BY_STATUS = """SELECT m.requested_at, m.id FROM unnest($2::text[]) AS d (status) CROSS JOIN LATERAL (
    SELECT requested_at, id, partition, requested_pos FROM {table} t WHERE t.tenant = $1 AND t.status = d.status
        AND (requested_at, id) < ($3::bigint, $4::text) {bound} ORDER BY requested_at DESC, id DESC LIMIT $5) AS m
ORDER BY m.requested_at DESC, m.id DESC LIMIT $5"""
_BY_COLUMN = """SELECT requested_at, id FROM {table} t WHERE t.tenant = $1 AND t.{column} = $6 AND ($2::text[] IS NULL OR t.status = ANY($2))
    AND (requested_at, id) < ($3::bigint, $4::text) {bound} ORDER BY requested_at DESC, id DESC LIMIT $5"""
_BOUND = "AND t.requested_pos < (SELECT b.bound FROM unnest(${n}::int[], ${m}::bigint[]) AS b (partition, bound) WHERE b.partition = t.partition)"
_FIRST = [(1 << 62), ""]


async def delivery(snapshot: Snapshot, tenant: str, id_: str) -> DeliveryRow | None:
    """A delivery; None when there was none by that id."""
    found: DeliveryRow | None = (await rows_of(snapshot, "delivery", tenant, [id_])).get(id_)
    return found


async def subscription(snapshot: Snapshot, tenant: str, id_: str) -> SubscriptionRow | None:
    """A subscription; None when there was none by that id."""
    found: SubscriptionRow | None = (await rows_of(snapshot, "subscription", tenant, [id_])).get(id_)
    return found


async def deliveries(
    snapshot: Snapshot, tenant: str, *, migration: str = "", subscription: str = "", status: str = "", limit: int = 50, cursor: str = ""
) -> Page:
    """A page of deliveries, newest first: of a migration, of a subscription, or of all; raises InvalidQuery."""
    if migration and subscription:
        raise InvalidQuery("subscription", "give a migration or a subscription, not both")
    column, value = ("migration", migration) if migration else ("subscription", subscription)
    return await _listed(snapshot, "delivery", tenant, column if value else "", value, status, limit, cursor)


async def subscriptions(snapshot: Snapshot, tenant: str, *, status: str = "", limit: int = 50, cursor: str = "") -> Page:
    """A page of subscriptions, newest first. Raises InvalidQuery."""
    return await _listed(snapshot, "subscription", tenant, "", "", status, limit, cursor)


async def _listed(snapshot: Snapshot, aggregate: str, tenant: str, column: str, value: str, status: str, limit: int, cursor: str) -> Page:
    if status and status not in STATUSES[aggregate]:
        raise InvalidQuery("status", f"status is {status!r}; give one of {', '.join(STATUSES[aggregate])}")
    if status and snapshot.at is not None:
        raise InvalidQuery("status", "a past moment cannot be filtered by status here; leave out status or at")
    query = (aggregate, tenant, column, value, status, str(snapshot.at or ""))
    after = snapshot.cursors.decode(query, cursor) if cursor else _FIRST
    statuses = [status] if status else None if column else list(STATUSES[aggregate])
    arguments: list[Any] = [tenant, statuses, *after, limited(limit) + 1, *([text(value)] if column else [])]
    bound = ""
    if snapshot.at is not None:
        arguments += snapshot.bounds(aggregate)
        bound = _BOUND.format(n=len(arguments) - 1, m=len(arguments))
    sql = (_BY_COLUMN if column else _BY_STATUS).format(table=aggregate, column=column, bound=bound)
    ids = [row["id"] for row in await snapshot.connection.fetch(sql, *arguments)]
    rows = in_order(await rows_of(snapshot, aggregate, tenant, ids), ids)
    return page_of(snapshot.cursors, query, rows, limit, lambda row: [row.requested_at, row.id])
