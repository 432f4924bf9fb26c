"""Judging the facts: every prerequisite that is missing, all at once."""

from collections.abc import Iterator

from libs.contracts.values import Problem
from libs.providers.postgres.endpoints import Endpoint
from libs.providers.postgres.facts import Facts, Server
from libs.providers.postgres.options import Options

OLDEST = 150_000
"""First server version that can be source or target."""


def reach_problems(options: Options, source: Endpoint, target: Endpoint) -> list[Problem]:
    """A server that is reached elsewhere than where the credential says gets no password of that credential."""
    reaches = (("subscription", options.subscription, source), ("reverse_subscription", options.reverse_subscription, target))
    return [
        Problem(
            code="passfile_needed",
            category="validation",
            message=f"{name} has a host or port of its own, which the credential does not name",
            remedy="name a passfile on the subscribing server; the password is not sent there",
            field=f"/options/{name}/passfile",
        )
        for name, reach, end in reaches
        if (reach.host or reach.port) and not reach.passfile and end.password
    ]


def prerequisites(facts: Facts, options: Options) -> list[Problem]:
    """Every reason why the move cannot begin."""
    problems = [*_versions(facts), *_places(facts)]
    problems += _publisher("source", facts.source, 1 + facts.target.sync_workers)
    problems += _subscriber("target", facts.target, "/target")
    if options.reverse:
        problems += _publisher("target", facts.target, 1)
        problems += _subscriber("source", facts.source, "/options/reverse")
    return [*problems, *_privileges("source", facts.source), *_privileges("target", facts.target), *_objects(facts, options)]


def _versions(facts: Facts) -> Iterator[Problem]:
    for side, server in (("source", facts.source), ("target", facts.target)):
        if server.version < OLDEST:
            yield _problem(
                "version_too_old", f"the {side} is version {server.version // 10_000}", "use a server of version 15 or newer", f"/{side}"
            )
    if facts.target.version // 10_000 < facts.source.version // 10_000:
        yield _problem(
            "target_version_older",
            "the target's version is older than the source's",
            "use a target of the same version or a newer one",
            "/target",
        )
    if not facts.dump_program:
        message = "the workers have no pg_dump for the source's version and encryption"
        yield _problem("pg_dump_missing", message, "install PostgreSQL's client programs where the migrator runs", "/source")


def _places(facts: Facts) -> Iterator[Problem]:
    if facts.source.system == facts.target.system:
        yield _problem("same_database", "source and target are the same database", "name another target", "/target")
    for side, server in (("source", facts.source), ("target", facts.target)):
        if server.standby:
            yield _problem("standby", f"the {side} is a standby and cannot be changed", "name its primary", f"/{side}")
        if server.fenced:
            remedy = "finish that migration, or drop schema whimbrel there when it is over"
            yield _problem("already_fenced", f"another migration keeps the {side} read-only", remedy, f"/{side}")
    if facts.source.encoding != facts.target.encoding:
        message = f"the source is encoded in {facts.source.encoding}, the target in {facts.target.encoding}"
        yield _problem("encoding_differs", message, f"create the target database with encoding {facts.source.encoding}", "/target")
    if facts.source.collation != facts.target.collation:
        message = f"the source is collated as {facts.source.collation}, the target as {facts.target.collation}"
        yield _problem("collation_differs", message, "create the target database with the source's locale", "/target")
    if facts.target_contents:
        message = f"the target is not empty: it holds {', '.join(facts.target_contents)}"
        yield _problem("target_not_empty", message, "empty it, or name another database", "/target/database")


def _publisher(side: str, server: Server, needed: int) -> Iterator[Problem]:
    field = f"/{side}" if side == "source" else "/options/reverse"
    if server.wal_level != "logical":
        message = f"wal_level of the {side} is {server.wal_level}"
        yield _problem(f"{side}_wal_level_not_logical", message, "set wal_level = logical and restart that server", field)
    if server.free_slots < needed:
        message = f"the {side} has {server.free_slots} free replication slots and needs {needed}"
        yield _problem(f"{side}_slots_exhausted", message, "raise max_replication_slots and restart that server, or drop slots", field)
    if server.free_senders < needed:
        message = f"the {side} has {server.free_senders} free WAL senders and needs {needed}"
        yield _problem(f"{side}_senders_exhausted", message, "raise max_wal_senders and restart that server", field)


def _subscriber(side: str, server: Server, field: str) -> Iterator[Problem]:
    needed = 2 if side == "target" else 1
    if server.workers < needed:
        message = f"the {side} may run {server.workers} logical replication workers and needs {needed}"
        yield _problem(f"{side}_workers_exhausted", message, "raise max_logical_replication_workers and restart that server", field)


def _privileges(side: str, server: Server) -> Iterator[Problem]:
    for lacking in server.lacking:
        yield _problem(
            "privilege_missing", f"the role at the {side} lacks {lacking}", "grant it, or use a role that has it", f"/{side}/user"
        )


def _objects(facts: Facts, options: Options) -> Iterator[Problem]:
    for table in facts.keyless:
        if table.incomparable:
            message = f"table {table.label} has no key, and columns that cannot be compared: {', '.join(table.incomparable)}"
            yield _problem("table_without_key", message, "add a primary key", "/source")
        elif options.without_key == "refuse":
            remedy = 'add a primary key, or set without_key to "full", which sets REPLICA IDENTITY FULL while the move lasts'
            yield _problem("table_without_key", f"table {table.label} has no usable key", remedy, "/options/without_key")
    for name in facts.extensions_missing:
        yield _problem("extension_missing", f"the target's server has no extension {name}", "install it on that server", "/target")
    if options.roles == "require":
        for role in facts.roles_missing:
            remedy = 'create it there, or set roles to "skip" to leave owners and grants out'
            yield _problem("role_missing", f"the target's server has no role {role}", remedy, "/options/roles")
    for name in facts.subscriptions:
        message = f"the source itself follows another server by subscription {name}, which a fence cannot stop"
        yield _problem("source_subscribes", message, "disable that subscription", "/source")


def _problem(code: str, message: str, remedy: str, field: str) -> Problem:
    return Problem(code=code, category="prerequisite", message=message, remedy=remedy, field=field)
