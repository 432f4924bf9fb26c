"""What the edge asks of the read model. Stands between handlers and SQL, and tells whether PostgreSQL answers."""

from libs.edge.tail import Seen


class ReadSide:
    """Queries on PostgreSQL."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.answers = True

    async def run(self) -> None:
        """Look again and again whether PostgreSQL answers."""

    async def close(self) -> None:
        """Give the connections back."""

    async def requester(self, tenant: str, migration: str) -> str:
        """Subject that asked for a migration; empty when there is none."""
        return ""

    async def decision(self, tenant: str, aggregate: str, id_: str, command_id: str) -> list[Seen]:
        """Events that name this command as their cause."""
        return []
