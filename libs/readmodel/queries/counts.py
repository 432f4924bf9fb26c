"""How many migrations are in each status, now or as of the snapshot's moment; exact, and never counted by scanning."""

from libs.readmodel.counts import BLOCK
from libs.readmodel.reading import Snapshot

_NOW = "SELECT status, sum(count)::bigint FROM status_count WHERE tenant = $1 GROUP BY status"
_THEN = """WITH bound AS (SELECT partition, bound, bound / $4 AS block FROM unnest($2::int[], $3::bigint[]) AS b (partition, bound)),
before AS (
    SELECT c.status, coalesce(
        (SELECT h.count FROM status_count_before h WHERE h.tenant = $1 AND h.status = c.status AND h.partition = c.partition
            AND h.block >= b.block ORDER BY h.block LIMIT 1), c.count) AS count
    FROM status_count c JOIN bound b USING (partition) WHERE c.tenant = $1
), since AS (
    SELECT c.status_from, c.status_to FROM bound b CROSS JOIN generate_series(0, 48) AS l (level)
    JOIN LATERAL (SELECT s.status_from, s.status_to FROM status_change s WHERE s.tenant = $1 AND s.partition = b.partition
        AND s.level = l.level AND s.pos >= b.block * $4 AND s.pos < b.bound) c ON true
)
SELECT status, sum(count)::bigint FROM (
    SELECT status, count FROM before UNION ALL SELECT status_from, -1 FROM since WHERE status_from <> '' UNION ALL SELECT status_to, 1 FROM since
) AS changes GROUP BY status"""


async def by_status(snapshot: Snapshot, tenant: str) -> dict[str, int]:
    """Number of migrations of a tenant in each status that has any."""
    if snapshot.at is None:
        found = await snapshot.connection.fetch(_NOW, tenant)
    else:
        found = await snapshot.connection.fetch(_THEN, tenant, *snapshot.bounds("migration"), BLOCK)
    return {status: count for status, count in sorted(map(tuple, found)) if count}
