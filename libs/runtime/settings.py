"""Settings every service shares, read from the environment (`WHIMBREL_...`). Services add their own beside their wiring."""

from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.runtime.errors import Misconfigured

S = TypeVar("S", bound="Settings")


class Settings(BaseSettings):
    """Where the servers are and which environment this process works in."""

    model_config = SettingsConfigDict(env_prefix="WHIMBREL_", extra="ignore")

    kafka: str = Field("127.0.0.1:19092", description="Kafka bootstrap servers, host:port[,host:port]")
    registry: str = Field("http://127.0.0.1:18081/apis/ccompat/v7", description="Base URL of a Confluent-compatible schema registry")
    postgres: str = Field("postgresql://postgres@127.0.0.1:15432/postgres", description="DSN of the read models' database")
    prefix: str = Field("whimbrel", pattern=r"^[a-z][a-z0-9-]{0,40}$", description="Topic prefix; one per environment")
    environment: str = Field("", pattern=r"^[a-z][a-z0-9-]{0,20}$", description="Environment named on every event; has to be given")
    slot: int = Field(0, ge=0, description="Number of this instance among those of its service, stable across restarts")
    partitions: int = Field(4, ge=1, le=512, description="Partitions of each topic; fixed when a prefix is created")
    work_limit: int = Field(256, ge=1, description="How many work items a worker carries out at once")
    health_port: int = Field(0, ge=0, le=65_535, description="Port of /livez, /readyz and /metrics; 0 lets the system choose one")
    session_timeout_ms: int = Field(
        12_000, ge=6_000, le=300_000, description="After how long without a sign of life another member gets a service's partitions"
    )
    log_level: str = Field("info", description="debug, info, warning or error")


def load(model: type[S], **overrides: Any) -> S:
    """Settings of a process. Raises Misconfigured, naming the variable at fault, when a value does not fit."""
    try:
        return model(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = "WHIMBREL_" + "_".join(str(part) for part in first["loc"]).upper()
        wrong = f"{first['msg']} (got {first['input']!r})" if first["input"] != "" else "has to be given"
        raise Misconfigured(f"{name}: {wrong}") from error
