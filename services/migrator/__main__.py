"""Start a migrator: `python -m services.migrator`."""

import asyncio
import sys

from libs.contracts.work import MIGRATOR
from libs.providers.carrying_out import Carrier
from libs.providers.catalogue import PROVIDERS
from libs.providers.executing import MigrationExecutor
from libs.runtime import telemetry
from libs.runtime.errors import WhimbrelError
from libs.runtime.serving import serve
from libs.runtime.settings import Settings, load


def main() -> int:
    """Run until SIGTERM."""
    try:
        settings = load(Settings)
        telemetry.configure_logs(MIGRATOR, settings.slot, settings.log_level)
        executor = MigrationExecutor(MIGRATOR, Carrier(PROVIDERS))
        return asyncio.run(serve(MIGRATOR, "migration", settings, executor, limit=settings.work_limit))
    except WhimbrelError as error:
        print(f"migrator: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
