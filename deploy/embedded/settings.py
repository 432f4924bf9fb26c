"""What can be chosen about an embedded stack."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deploy.embedded.ports import free_port

# The six services; only ingress serves HTTP to users.
HTTP_SERVICE = "ingress"
BACKGROUND_SERVICES = ("validator", "migrator", "verifier", "notifier", "projector")
SERVICES = (HTTP_SERVICE, *BACKGROUND_SERVICES)

# Environment of a stack for which neither its variables nor its env file name one.
ENVIRONMENT = "dev"
CREDENTIALS = "credentials"


def credential_dir(data_dir: Path) -> Path:
    """Where the workers of a data directory look for the files that requests refer to."""
    return Path(os.environ.get("WHIMBREL_CREDENTIAL_DIR") or data_dir.resolve() / CREDENTIALS)


class StackSettings(BaseModel):
    """Ports and trade-offs of one stack; everything listens on 127.0.0.1 only. Port 0 means: pick a free one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kafka_port: int = Field(default=19092, ge=0, le=65535)
    registry_port: int = Field(default=18081, ge=0, le=65535)
    postgres_port: int = Field(default=15432, ge=0, le=65535)
    http_port: int = Field(default=8080, ge=0, le=65535, description="Where ingress serves HTTP.")
    prefix: str = Field(default="whimbrel", pattern=r"^[a-z][a-z0-9-]{0,40}$", description="First part of every topic name.")
    partitions: int = Field(default=4, ge=1, le=512, description="Partitions of each topic; fixed once the prefix has topics.")
    services: bool = Field(default=True, description="Also run the six services, not the servers alone.")
    fsync: bool = Field(default=True, description="PostgreSQL forces commits to disk; off only for tests.")
    kafka_fsync: bool = Field(default=False, description="Kafka forces every write to disk before it answers.")
    kafka_heap_mb: int = Field(default=512, ge=256)
    kafka_short_lived: bool = Field(
        default=False, description="Kafka compiles its code but lightly: dearer for every record, cheaper to start."
    )
    kafka_proxy_ports: tuple[int, ...] = Field(default=(), description="One listener more for each: its clients are told to use that port.")
    env_file: Path | None = Field(default=None, description="File of NAME=value lines that the services get as environment.")
    extra_postgres: dict[str, int] = Field(default_factory=dict, description="More PostgreSQL servers: name to port.")

    health_ports: dict[str, int] = Field(default_factory=dict, description="Readiness and metrics of each service but ingress.")

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        chosen = [port for port in self.ports().values() if port]
        if len(chosen) != len(set(chosen)):
            raise ValueError(f"two components cannot share a port: {self.ports()}")
        return self

    def ports(self) -> dict[str, int]:
        """Port of each component that listens, by component name."""
        named = {"kafka": self.kafka_port, "registry": self.registry_port, "postgres": self.postgres_port}
        if self.services:
            named["ingress"] = self.http_port
        return named | self.extra_postgres

    def resolved(self) -> "StackSettings":
        """The same settings with every port 0 replaced by a free port."""
        update: dict[str, object] = {
            field: getattr(self, field) or free_port() for field in ("kafka_port", "registry_port", "postgres_port", "http_port")
        }
        update["extra_postgres"] = {name: port or free_port() for name, port in self.extra_postgres.items()}
        update["health_ports"] = {name: self.health_ports.get(name) or free_port() for name in BACKGROUND_SERVICES}
        return self.model_copy(update=update)

    def differing_from(self, running: "StackSettings") -> list[str]:
        """Names of settings in which a running stack is not what these ask for; a port 0 asks for nothing."""
        asked, found = self.model_dump(exclude={"health_ports"}), running.model_dump()
        return [name for name, value in asked.items() if not _fits(value, found[name])]


def _fits(asked: object, found: object) -> bool:
    if isinstance(asked, dict) and isinstance(found, dict):
        return asked.keys() == found.keys() and all(_fits(value, found[key]) for key, value in asked.items())
    return asked == found or (asked == 0 and asked is not False)
