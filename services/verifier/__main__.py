"""Start a verifier: `python -m services.verifier`."""

import asyncio
import sys

from libs.contracts.work import VERIFIER
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
        telemetry.configure_logs(VERIFIER, settings.slot, settings.log_level)
        executor = MigrationExecutor(VERIFIER, Carrier(PROVIDERS))
        return asyncio.run(serve(VERIFIER, "migration", settings, executor, limit=settings.work_limit, wakes=True))
    except WhimbrelError as error:
        print(f"verifier: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
