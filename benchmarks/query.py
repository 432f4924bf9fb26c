"""`query`: how long one migration, a page and the counts take at 10,000 and at 1,000,000 migrations.

Rows are made by set-based SQL in the same tables, indexes included. Ratios compare the larger with the smaller.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.report import DURABILITY, line, percentile
from deploy.embedded.stack import Stack
from libs.readmodel import wiring
from libs.readmodel.queries.counts import by_status
from libs.readmodel.queries.migrations import Filter, listed, one
from libs.readmodel.reading import ReadModel, Snapshot
from libs.runtime.sink import Pool

SMALL, LARGE = 10_000, 1_000_000
TIMES = 400
TENANT = "acme"
P50_RATIO, P99_RATIO = 1.3, 2.0
_STATUS = "(ARRAY['completed', 'replicating', 'testing', 'failed', 'paused'])[1 + (n % 5)]"
_MIGRATIONS = f"""INSERT INTO migration SELECT '{TENANT}', 'mig-' || lpad(n::text, 8, '0'), n % 4, n, 'postgres', 'app-' || n / 200,
    'wave-' || n / 200, '{{"team":"core"}}', '[]', '[]', '{{}}', '{{}}', '{{}}', 1700000000000000 + n, 'rollback', false, '', 1600000000000000 + n, 'user-1',
    'correlation-' || n, 20, sha256(n::text::bytea), {_STATUS}, n, md5(n::text), CASE n % 5 WHEN 0 THEN 'ended' ELSE 'running' END, n % 5 = 0, 1600000000000000 + n,
    md5(n::text), 3, 'step_3', 8, 3, 1, false, 0, '', NULL, '', NULL, '[]', NULL, n FROM generate_series(1, $1) AS n"""  # noqa: S608 - made of constants
_TERMS = f"""INSERT INTO migration_term SELECT '{TENANT}', t.term, 1600000000000000 + n, 'mig-' || lpad(n::text, 8, '0') FROM generate_series(1, $1) AS n
CROSS JOIN LATERAL (VALUES ('provider:postgres'), ('label:team=core'), ('wave:wave-' || n / 200), ('text:wave-' || n / 200),
    ('text:mig-' || lpad(n::text, 8, '0')), ('text:app-' || n / 200)) AS t (term)"""  # noqa: S608
_COUNTS = "INSERT INTO status_count SELECT tenant, status, partition, count(*), 0 FROM migration GROUP BY tenant, status, partition"
Question = Callable[[Snapshot, int, int], Awaitable[Any]]
QUESTIONS: dict[str, Question] = {
    "one": lambda snapshot, number, size: one(snapshot, TENANT, f"mig-{1 + number * 7919 % size:08d}"),
    "newest": lambda snapshot, number, size: listed(snapshot, TENANT, Filter()),
    "status": lambda snapshot, number, size: listed(snapshot, TENANT, Filter(status=("failed",))),
    "application": lambda snapshot, number, size: listed(
        snapshot, TENANT, Filter(application=f"app-{number % (size // 200)}", status=("failed", "paused"))
    ),
    "wave": lambda snapshot, number, size: listed(snapshot, TENANT, Filter(wave=f"wave-{number % (size // 200)}")),
    "due": lambda snapshot, number, size: listed(snapshot, TENANT, Filter(sort="due_at", ended=False)),
    "search": lambda snapshot, number, size: listed(snapshot, TENANT, Filter(search=f"mig-{number * 7919 % size:08d}"[:10])),
    "counts": lambda snapshot, number, size: by_status(snapshot, TENANT),
}


def run(stack: Stack, *, small: int = SMALL, large: int = LARGE, times: int = TIMES) -> dict[str, Any]:
    """Fill both sizes, then ask each question in turn of both, so that both meet the same weather."""
    return asyncio.run(_measure(stack.postgres, small, large, times))


async def _measure(dsn: str, small: int, large: int, times: int) -> dict[str, Any]:
    async with wiring.open_pool(dsn) as pool:
        models = {size: await _filled(pool, size) for size in (small, large)}
        taken: dict[tuple[str, int], list[float]] = {(name, size): [] for name in QUESTIONS for size in models}
        for number in range(times + 20):
            for name, ask in QUESTIONS.items():
                for size, read in models.items():
                    began = time.perf_counter()
                    async with read.snapshot() as snapshot:
                        await ask(snapshot, number, size)
                    if number >= 20:
                        taken[name, size].append(1_000 * (time.perf_counter() - began))
    parts = {name: _compared(taken[name, small], taken[name, large]) for name in QUESTIONS}
    worst50, worst99 = (max(part[key] for part in parts.values()) for key in ("p50_ratio", "p99_ratio"))
    fine = worst50 <= P50_RATIO and worst99 <= P99_RATIO
    return line(
        "query", large, worst50, "x p50", P50_RATIO, p99_ratio=worst99, p99_limit=P99_RATIO, ok=fine, small=small, times=times, queries=parts,
        durability=DURABILITY,
    )  # fmt: skip


def _compared(small: list[float], large: list[float]) -> dict[str, float]:
    """Milliseconds at both sizes, and how they compare."""
    found = {"p50_ms_small": percentile(small, 0.5), "p50_ms_large": percentile(large, 0.5)}
    found |= {"p99_ms_small": percentile(small, 0.99), "p99_ms_large": percentile(large, 0.99)}
    found |= {f"{p}_ratio": found[f"{p}_ms_large"] / found[f"{p}_ms_small"] for p in ("p50", "p99")}
    return {name: round(value, 3) for name, value in found.items()}


async def _filled(pool: Pool, size: int) -> ReadModel:
    """A generation of its own with this many migrations."""
    prefix = f"query{size}"
    schema = await wiring.prepared(pool, prefix)
    async with pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute(f'SET LOCAL search_path TO "{schema}"')
            for statement in (_MIGRATIONS, _TERMS):
                await connection.execute(statement, size, timeout=600)
            await connection.execute(_COUNTS, timeout=600)
        for table in ("migration", "migration_term", "status_count"):
            await connection.execute(f'VACUUM ANALYZE "{schema}".{table}', timeout=600)
    return ReadModel(pool, prefix, b"benchmark")
