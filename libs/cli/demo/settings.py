"""What can be chosen about the demonstration, by environment variables."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.embedded.settings import StackSettings

_STACK = StackSettings()
FEWEST_ROWS = 2_000
"""Enough for the customers that the writing application places orders for."""


class DemoSettings(BaseSettings):
    """Variables begin with WHIMBREL_, as those of the stack do."""

    model_config = SettingsConfigDict(env_prefix="WHIMBREL_", extra="ignore")

    data_dir: Path = Field(default=Path(".whimbrel"), description="Where everything is kept")
    once: bool = Field(default=False, description="Stop everything afterwards instead of staying up")
    demo_rows: int = Field(default=1_000_000, ge=FEWEST_ROWS, le=100_000_000, description="Rows of the sample database, about")
    demo_rate: int = Field(default=300, ge=1, le=5_000, description="Writes per second that the application makes meanwhile")
    kafka_port: int = Field(default=_STACK.kafka_port, ge=0, le=65_535)
    registry_port: int = Field(default=_STACK.registry_port, ge=0, le=65_535)
    postgres_port: int = Field(default=_STACK.postgres_port, ge=0, le=65_535)
    http_port: int = Field(default=_STACK.http_port, ge=0, le=65_535)
    source_port: int = Field(default=15_433, ge=1, le=65_535, description="Port of the server that the database is moved from")
    target_port: int = Field(default=15_434, ge=1, le=65_535, description="Port of the server that it is moved to")
    prefix: str = _STACK.prefix
    fsync: bool = _STACK.fsync

    def stack(self) -> StackSettings:
        """The stack that the demonstration runs on: everything that `whimbrel up` starts, and two more PostgreSQL servers."""
        return StackSettings(
            kafka_port=self.kafka_port, registry_port=self.registry_port, postgres_port=self.postgres_port, http_port=self.http_port,
            prefix=self.prefix, fsync=self.fsync, extra_postgres={"source": self.source_port, "target": self.target_port},
        )  # fmt: skip
