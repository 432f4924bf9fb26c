"""Where Kafka, the registry and PostgreSQL are, for the commands that speak to them themselves."""

import os
from pathlib import Path

from libs.cli.connection import running
from libs.cli.errors import CliError, Exit
from libs.runtime.errors import WhimbrelError
from libs.runtime.settings import Settings, load

_NO_ENVIRONMENT = "none"


def servers() -> Settings:
    """Settings from the environment, for what only reads or prepares servers: no WHIMBREL_ENVIRONMENT is asked for. Raises Misconfigured."""
    return load(Settings, environment=_NO_ENVIRONMENT)


def settings_of(data_dir: Path) -> Settings:
    """Settings from the environment where WHIMBREL_KAFKA is set, else those of the stack in the data directory. Raises CliError."""
    try:
        if os.environ.get("WHIMBREL_KAFKA"):
            return servers()
        state = running(data_dir)
        urls, chosen = state.urls, state.settings
        return load(
            Settings,
            environment=_NO_ENVIRONMENT,
            kafka=urls["kafka"],
            registry=urls["registry"],
            postgres=urls["postgres"],
            prefix=chosen.prefix,
            partitions=chosen.partitions,
        )
    except WhimbrelError as error:
        raise CliError(str(error), Exit.USAGE) from error
