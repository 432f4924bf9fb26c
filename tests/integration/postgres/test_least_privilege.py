"""A role that is no superuser moves a database, with the privileges that an inspection names."""

from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from libs.providers.base import ProviderError
from libs.testing.postgres_move import PostgresMove
from libs.testing.postgres_servers import Server
from libs.testing.provider_driver import Driver, no_progress
from libs.testing.sample_database.builder import build

PASSWORD = "of-the-mover"


@pytest.fixture
async def move(servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> PostgresMove:
    """A move by a role that may log in and nothing else, of a database that it filled."""
    source, target = servers
    made = PostgresMove(source, target, await source.fresh_database(), await target.fresh_database(), {})
    for server in servers:
        await server.execute(f"CREATE ROLE {role(made)} LOGIN PASSWORD '{PASSWORD}'")
    await source.execute(f"GRANT CREATE ON DATABASE {name(made.source_dsn)} TO {role(made)}")
    await build(as_mover(made, made.source_dsn), 2_000)
    for key, value in made.environment.items():
        monkeypatch.setenv(key, as_mover(made, value) if key.endswith("_DSN") else value)
    return made


async def test_missing_privileges_are_all_named(move: PostgresMove) -> None:
    found = (await move.provider.inspect(move.request)).problems

    lacking = sorted((problem.field, problem.message.partition("lacks ")[2]) for problem in found if problem.code == "privilege_missing")
    assert lacking == [
        ("/source/user", "membership of pg_create_subscription"),
        ("/source/user", "ownership of the database"),
        ("/source/user", "the attribute REPLICATION"),
        ("/target/user", "CREATE on the database"),
        ("/target/user", "membership of pg_create_subscription"),
        ("/target/user", "ownership of the database"),
        ("/target/user", "the attribute REPLICATION"),
    ]


async def test_with_these_privileges_it_moves_there_and_back(move: PostgresMove, servers: tuple[Server, Server]) -> None:
    for server, dsn in zip(servers, (move.source_dsn, move.target_dsn), strict=True):
        await server.execute(f"ALTER ROLE {role(move)} REPLICATION; GRANT pg_create_subscription TO {role(move)}")
        await server.execute(f"ALTER DATABASE {name(dsn)} OWNER TO {role(move)}")
    before = await move.snapshot()
    driver = await Driver.planned(move)

    for step in driver.reversible():
        await driver.apply(step)
    assert driver.evidence["verify_equal"]["equal"] is True
    connection = await asyncpg.connect(as_mover(move, move.target_dsn))
    await connection.execute("INSERT INTO shop.write VALUES ('at the target', 1)")
    await connection.close()
    await driver.undo_all(driver.reversible())

    after = await move.snapshot()
    assert (after["source"], after["target"]) == (before["source"], before["target"])
    connection = await asyncpg.connect(as_mover(move, move.source_dsn))
    assert await connection.fetchval("SELECT count(*) FROM shop.write") == 1
    await connection.close()


async def test_a_superuser_keeps_the_password_out_of_the_log_even_when_it_fails(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = servers
    made = await PostgresMove.made(servers)
    for key, value in made.environment.items():
        monkeypatch.setenv(key, value)
    await target.execute(f"ALTER DATABASE {name(made.target_dsn)} SET log_statement = 'all'")
    driver = await Driver.planned(made)
    subscribe = next(step for step in driver.plan.steps if step.name == "create_subscription")
    unreachable = msgspec.structs.replace(made.request, options=made.request.options | {"subscription": {"port": 1}})

    for step in driver.reversible():
        if step is subscribe:
            work = msgspec.structs.replace(driver.work(step, "apply"), request=unreachable)
            with pytest.raises(ProviderError, match="could not connect to the publisher"):
                await made.provider.apply(work, no_progress)
        await driver.apply(step)
    await driver.undo_all(driver.reversible())

    log = target.postgres.log.read_text()
    assert "could not connect to the publisher" in log
    assert "ANALYZE" in log
    assert source.password not in log


def name(dsn: str) -> str:
    return dsn.rpartition("/")[2]


def role(move: PostgresMove) -> str:
    """The mover; one of its own for each move, because roles are shared by the databases of a server."""
    return f"mover_of_{name(move.source_dsn)}"


def as_mover(move: PostgresMove, dsn: str) -> str:
    parts = urlsplit(dsn)
    return f"postgresql://{role(move)}:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}"
