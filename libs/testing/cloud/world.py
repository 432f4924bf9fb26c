"""The world that the services share: the books, the script, the clock, and what time alone has made of things."""

from datetime import UTC, datetime
from typing import Any

from libs.testing.cloud.books import Books, Document
from libs.testing.cloud.chance import Script
from libs.testing.cloud.models import Refused

ACCOUNT = "123456789012"
MS = 1_000


class World:
    """Time changes nothing in the books: what has become of things is derived from when they began."""

    def __init__(self, books: Books, script: Script, region: str) -> None:
        self.books, self.script, self.region = books, script, region

    @property
    def now(self) -> int:
        """Microseconds since the epoch."""
        return self.books.now()

    def server(self, key: str) -> Document:
        """A source server. Raises Refused."""
        found = self.books.get("server", key)
        if found is None:
            raise Refused("ResourceNotFoundException", f"Source server {key} not found", 404)
        return found

    def save(self, server: Document) -> None:
        """Write a source server."""
        self.books.put("server", server["id"], server)

    def sync_us(self, server: Document) -> int:
        """How long the initial synchronisation of a server takes."""
        return int(self.script.sync_ms * MS * (0.5 + self.books.drawn("sync", server["hostname"])))

    def synced_share(self, server: Document) -> float:
        """How much of a server has been copied, 0 to 1."""
        if server["replication"] != "running":
            return 1.0 if server["synced"] else 0.0
        if server["synced"]:
            return 1.0
        passed: int = self.now - server["started_at"] - self.script.initiate_ms * MS
        return min(1.0, max(0.0, passed / max(1, self.sync_us(server))))

    def replication_state(self, server: Document) -> str:
        """dataReplicationState as of now."""
        if server["replication"] != "running":
            return {"stopped": "STOPPED", "disconnected": "DISCONNECTED"}[server["replication"]]
        if not server["synced"] and self.now < server["started_at"] + self.script.initiate_ms * MS:
            return "INITIATING"
        return "CONTINUOUS" if self.synced_share(server) >= 1 else "INITIAL_SYNC"

    def job(self, key: str) -> Document | None:
        """A job, or None."""
        return self.books.get("job", key)

    def running_job(self, server: Document) -> Document | None:
        """The job that a server takes part in right now."""
        job = self.job(server["last_job"]) if server["last_job"] else None
        return job if job is not None and self.now < job["done_at"] else None

    def lifecycle(self, server: Document) -> str:
        """lifeCycle.state as of now."""
        if server["replication"] == "disconnected":
            return "CUTOVER" if server["stage"] == "CUTOVER" else "DISCONNECTED"
        if server["stage"]:
            job = self.job(server["last_job"]) if server["last_job"] else None
            if job and job["failed"] and job["stage"] == server["stage"] and self.now >= job["done_at"]:
                return str(job["stage_before"] or "READY_FOR_TEST")
            return str(server["stage"])
        if server["replication"] == "stopped":
            return "STOPPED"
        return "READY_FOR_TEST" if self.synced_share(server) >= 1 else "NOT_READY"

    def instance_state(self, instance: Document) -> str:
        """State of an EC2 instance as of now; empty before it was launched and an hour after it was terminated."""
        if self.now < instance["launched_at"]:
            return ""
        if instance["gone_at"] and self.now >= instance["gone_at"]:
            return "terminated"
        return "stopped" if instance["stopped"] else "running"

    def replicating(self) -> int:
        """How many servers replicate now."""
        return sum(server["replication"] == "running" for _, server in self.books.all("server"))

    def arn(self, kind: str, key: str) -> str:
        """Name of an MGN resource."""
        return f"arn:aws:mgn:{self.region}:{ACCOUNT}:{kind}/{key}"


def stamp(us: int) -> str:
    """A time as MGN writes it."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def found_or(value: Any, code: str, message: str, status: int = 400) -> Any:
    """The value, unless it is None. Raises Refused."""
    if value is None:
        raise Refused(code, message, status)
    return value
