"""Looking at source and target without changing them."""

import msgspec

from libs.contracts.values import Problem
from libs.providers.base import Inspection, MoveRequest, ProviderError
from libs.providers.postgres import catalog, emptying, queries
from libs.providers.postgres.connecting import Connection, connected
from libs.providers.postgres.dumping import dump_program
from libs.providers.postgres.endpoints import Endpoint, Refused, endpoint
from libs.providers.postgres.facts import Facts, KeylessTable, Server
from libs.providers.postgres.options import option_problems, parse
from libs.providers.postgres.prerequisites import prerequisites, reach_problems

SECONDS = 60.0
SHOWN = 5


async def inspect(request: MoveRequest) -> Inspection:
    """Gather the facts and judge them; a request that cannot even be read is answered without looking."""
    problems: list[Problem] = option_problems(request)
    ends: list[Endpoint] = []
    for side, given in (("source", request.source), ("target", request.target)):
        try:
            ends.append(endpoint(side, given, request.tenant))
        except Refused as error:
            problems.extend(error.problems)
    if not problems:
        problems = reach_problems(parse(request), *ends)
    if problems:
        return Inspection(facts={}, problems=tuple(problems))
    source_end, target_end = ends
    async with (
        connected(source_end, "source", "whimbrel/inspect", SECONDS) as source,
        connected(target_end, "target", "whimbrel/inspect", SECONDS) as target,
    ):
        facts = await gather(source_end, source, target)
    return Inspection(facts=msgspec.to_builtins(facts), problems=tuple(prerequisites(facts, parse(request))))


async def gather(source_end: Endpoint, source: Connection, target: Connection) -> Facts:
    """Read all facts."""
    tables = await catalog.tables(source)
    moved = catalog.replicated(tables)
    wanted = {row["name"]: row["version"] for row in await source.fetch(queries.EXTENSIONS)}
    offered = {row["name"]: row["version"] for row in await target.fetch(queries.OFFERED, list(wanted))}
    roles = [row[0] for row in await source.fetch(queries.ROLES)]
    present = {row[0] for row in await target.fetch("SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1)", roles)}
    contents = await emptying.contents(target)
    return Facts(
        source=await _server(source),
        target=await _server(target),
        dump_program=await _can_dump(source_end, source),
        tables=len(moved),
        rows=sum(table.rows for table in moved),
        keyless=[KeylessTable(label=table.label, incomparable=table.incomparable) for table in moved if table.identity == "none"],
        unlogged=[table.label for table in catalog.unlogged(tables)],
        large_objects=await source.fetchval("SELECT count(*) FROM pg_largeobject_metadata"),
        target_contents=contents[:SHOWN] + ([f"{len(contents) - SHOWN} more"] if len(contents) > SHOWN else []),
        extensions_missing=sorted(set(wanted) - set(offered)),
        extensions_differing=[
            f"{name} ({wanted[name]} and {version})" for name, version in sorted(offered.items()) if version != wanted[name]
        ],
        roles_missing=sorted(set(roles) - present),
        roles=roles,
        subscriptions=[row[0] for row in await source.fetch(queries.SUBSCRIPTIONS)],
        views=len(await catalog.materialised_views(source)),
        left_behind=[row[0] for row in await source.fetch(queries.LEFT_BEHIND)],
    )


async def _server(connection: Connection) -> Server:
    row = await connection.fetchrow(queries.SERVER)
    assert row is not None
    collation = await connection.fetchval(queries.COLLATION_17 if row["version"] >= 170_000 else queries.COLLATION)
    lacking = [] if row["superuser"] else [found[0] for found in await connection.fetch(queries.LACKING)]
    fenced = await connection.fetchval("SELECT to_regclass('whimbrel.guard') IS NOT NULL")
    if fenced:
        fenced = await connection.fetchval("SELECT EXISTS (SELECT FROM whimbrel.guard)")
    return msgspec.convert({**dict(row), "collation": collation, "lacking": lacking, "fenced": fenced}, Server)


async def _can_dump(end: Endpoint, source: Connection) -> bool:
    try:
        await dump_program(end, source.get_server_version().major)
    except ProviderError:
        return False
    return True
