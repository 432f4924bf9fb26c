"""Everything that forbids a move is reported at once, before anything is touched (O3)."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from libs.contracts.values import Problem
from libs.providers.base import MoveRequest, ProviderError
from libs.testing.postgres_move import PostgresMove
from libs.testing.postgres_servers import Server, reachable_directory, running

MakeMove = Callable[..., Awaitable[PostgresMove]]


async def run(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def problems(move: PostgresMove, **changes: Any) -> tuple[Problem, ...]:
    request: MoveRequest = msgspec.structs.replace(move.request, **changes)
    found = (await move.provider.inspect(request)).problems
    assert all(problem.message and problem.remedy and problem.field.startswith("/") for problem in found)
    return found


async def test_every_problem_of_both_servers_is_reported_at_once_O3(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = {"wal_level": "replica", "max_replication_slots": "1", "max_wal_senders": "1", "max_logical_replication_workers": "0"}
    source, _ = servers
    with reachable_directory() as directory, running(directory, "poor", poor) as target:
        move = await PostgresMove.made((source, target), without_key="refuse")
        for name, value in move.environment.items():
            monkeypatch.setenv(name, value)
        await run(
            move.source_dsn,
            'CREATE ROLE "only here"; CREATE TABLE public.json_only (a json); GRANT SELECT ON public.json_only TO "only here"',
        )
        await run(move.target_dsn, "CREATE TABLE public.in_the_way (a int)")
        await target.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")

        found = await problems(move)
        monkeypatch.setenv("ACME_LATIN_DSN", move.target_dsn.rpartition("/")[0] + "/latin")
        elsewhere = await problems(move, target={"dsn": "env:ACME_LATIN_DSN"})

        await run(move.source_dsn, 'DROP OWNED BY "only here"; DROP ROLE "only here"')
    codes = sorted({problem.code for problem in found})
    assert codes == [
        "role_missing",
        "table_without_key",
        "target_not_empty",
        "target_wal_level_not_logical",
        "target_workers_exhausted",
    ]
    assert sum(problem.code == "table_without_key" for problem in found) == 2
    assert "encoding_differs" in {problem.code for problem in elsewhere}


async def test_source_and_target_may_not_be_one_database(make_move: MakeMove) -> None:
    move = await make_move()

    assert "same_database" in {problem.code for problem in await problems(move, target={"dsn": "env:ACME_SOURCE_DSN"})}


async def test_a_source_that_follows_another_server_is_refused(make_move: MakeMove) -> None:
    move = await make_move()
    await run(
        move.source_dsn,
        "CREATE SUBSCRIPTION upstream CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false, slot_name = NONE);",
    )
    assert await problems(move) == ()

    await run(move.source_dsn, "ALTER SUBSCRIPTION upstream SET (slot_name = 'upstream')")
    await run(move.source_dsn, "ALTER SUBSCRIPTION upstream ENABLE")
    found = await problems(move)
    await run(move.source_dsn, "ALTER SUBSCRIPTION upstream DISABLE")
    await run(move.source_dsn, "ALTER SUBSCRIPTION upstream SET (slot_name = NONE)")
    await run(move.source_dsn, "DROP SUBSCRIPTION upstream")

    assert [problem.code for problem in found] == ["source_subscribes"]


async def test_all_faults_of_a_request_are_reported_together_and_name_their_fields(make_move: MakeMove) -> None:
    move = await make_move()

    found = await problems(
        move,
        source={"dsn": "postgresql://me:open-secret@127.0.0.1/d", "colour": "red"},
        target={"host": "127.0.0.1", "password": "open-secret"},
        options={"max_lag_bytes": -1, "connection": {"file": "/etc/passwd"}},
    )

    assert [(problem.code, problem.field) for problem in found] == [
        ("invalid_option", "/options/max_lag_bytes"),
        ("invalid_option", "/options/connection/file"),
        ("unknown_field", "/source/colour"),
        ("plaintext_password", "/source/dsn"),
        ("plaintext_password", "/target/password"),
    ]
    assert "open-secret" not in str(found)


async def test_a_wrong_password_is_final_and_quotes_nothing(make_move: MakeMove, monkeypatch: pytest.MonkeyPatch) -> None:
    move = await make_move()
    monkeypatch.setenv("ACME_WRONG_DSN", move.source_dsn.replace(move.secrets[0], "not-the-password"))

    with pytest.raises(ProviderError) as refused:
        await problems(move, source={"dsn": "env:ACME_WRONG_DSN"})

    assert refused.value.problem.code == "authentication_failed"
    assert not refused.value.retryable
    assert "not-the-password" not in str(refused.value)


async def test_what_does_not_move_is_named_in_the_plan(make_move: MakeMove) -> None:
    move = await make_move()
    database = move.source_dsn.rpartition("/")[2]
    await run(move.source_dsn, f"CREATE PUBLICATION theirs FOR TABLE public.audit; ALTER DATABASE {database} SET work_mem = '8MB'")

    notes = " ".join(move.provider.plan(move.request, await move.provider.inspect(move.request)).notes)

    for named in ("Publication theirs", "Setting work_mem", "public.session", "2 large objects", "public.keyless", "Passwords"):
        assert named in notes
