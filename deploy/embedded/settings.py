"""What can be chosen about an embedded stack."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deploy.embedded.ports import free_port


class StackSettings(BaseModel):
    """Ports and trade-offs of one stack; everything listens on 127.0.0.1 only. Port 0 means: pick a free one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kafka_port: int = Field(default=19092, ge=0, le=65535)
    registry_port: int = Field(default=18081, ge=0, le=65535)
    postgres_port: int = Field(default=15432, ge=0, le=65535)
    http_port: int = Field(default=8080, ge=0, le=65535, description="Where ingress serves HTTP.")
    prefix: str = Field(
        default="whimbrel", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="First part of every topic name."
    )
    services: bool = Field(default=True, description="Also run the six services, not the servers alone.")
    fsync: bool = Field(default=True, description="PostgreSQL forces commits to disk; off only for tests.")
    kafka_fsync: bool = Field(default=False, description="Kafka forces every write to disk before it answers.")
    kafka_heap_mb: int = Field(default=512, ge=256)
    kafka_proxy_port: int | None = Field(
        default=None, description="Kafka tells clients of its second listener to use this port."
    )
    extra_postgres: dict[str, int] = Field(default_factory=dict, description="More PostgreSQL servers: name to port.")

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
            field: getattr(self, field) or free_port()
            for field in ("kafka_port", "registry_port", "postgres_port", "http_port")
        }
        update["extra_postgres"] = {name: port or free_port() for name, port in self.extra_postgres.items()}
        return self.model_copy(update=update)
