"""A move between two fresh databases of two real servers."""

from typing import Any

import msgspec

from libs.providers.base import MoveRequest
from libs.providers.catalogue import PROVIDERS
from libs.testing import postgres_world
from libs.testing.postgres_servers import Server
from libs.testing.sample_database.builder import build


class PostgresMove:
    """A world for the provider suite and the integration tests: an awkward database and an empty one."""

    def __init__(self, source: Server, target: Server, source_database: str, target_database: str, options: dict[str, Any]) -> None:
        self.provider = PROVIDERS["postgres"]()
        self.source_dsn = source.postgres.url(source_database)
        self.target_dsn = target.postgres.url(target_database)
        self.secrets: tuple[str, ...] = (source.password, target.password)
        self.request = MoveRequest(
            tenant="acme",
            migration=f"move-{source_database}",
            provider="postgres",
            source={"dsn": "env:ACME_SOURCE_DSN"},
            target={"dsn": "env:ACME_TARGET_DSN"},
            options=options,
        )
        self.environment = {
            "WHIMBREL_CREDENTIAL_ENV": "{tenant}_*_DSN",
            "ACME_SOURCE_DSN": self.source_dsn,
            "ACME_TARGET_DSN": self.target_dsn,
        }

    @classmethod
    async def made(cls, servers: tuple[Server, Server], *, sample: int = 0, **options: Any) -> "PostgresMove":
        """A fresh pair of databases, the source filled with the awkward or a sample database; set `environment` before use."""
        source, target = servers
        for server in servers:
            for role in postgres_world.ROLES:
                await server.execute(f'DO $$ BEGIN CREATE ROLE "{role}"; EXCEPTION WHEN duplicate_object THEN NULL; END $$')
        move = cls(
            source,
            target,
            await source.fresh_database(),
            await target.fresh_database(),
            {"without_key": "full", "grace_ms": 300, **options},
        )
        await (build(move.source_dsn, sample) if sample else postgres_world.fill(move.source_dsn))
        return move

    async def snapshot(self) -> dict[str, Any]:
        """Shape of both databases, the rows of the source, and those of the target while nothing replicates into it."""
        target = await self._target()
        return {
            "source": await postgres_world.shape(self.source_dsn),
            "target": target,
            "source rows": await postgres_world.contents(self.source_dsn),
            "target rows": {} if target["subscriptions"] else await postgres_world.contents(self.target_dsn),
        }

    async def _target(self) -> postgres_world.Shape:
        """Shape of the target; its fence, which a rollback leaves on until the target is emptied, is bookkeeping while it is recorded."""
        found = await postgres_world.shape(self.target_dsn)
        if await postgres_world.guarded(self.target_dsn):
            found["triggers"] = [line for line in found["triggers"] if " whimbrel_refuse_write " not in line]
            found["settings"] = [line for line in found["settings"] if "default_transaction_read_only" not in line]
        return found

    def broken_requests(self) -> tuple[MoveRequest, ...]:
        """Requests that inspect must refuse."""
        replace = msgspec.structs.replace
        return (
            replace(self.request, source={"dsn": self.source_dsn}),
            replace(self.request, source={"dsn": "env:HOME"}),
            replace(self.request, source={"dsn": "file:/etc/passwd"}),
            replace(self.request, source={}),
            replace(self.request, source={"dsn": "not a dsn"}),
            replace(self.request, target={"host": "127.0.0.1", "port": 1, "database": "d", "user": "u"}),
            replace(self.request, target={"dsn": "env:ACME_TARGET_DSN", "password": self.secrets[0]}),
            replace(self.request, target={"dsn": "env:ACME_SOURCE_DSN"}),
            replace(self.request, options={"reverse": "perhaps"}),
            replace(self.request, options={"unheard": 1}),
            replace(self.request, options={"connection": {"file": "/etc/passwd"}}),
        )
