"""Start a migrator: `python -m services.migrator`."""

import asyncio
import sys

from libs.contracts.work import MIGRATOR
from libs.providers.carrying_out import Carrier
from libs.providers.catalogue import providers
from libs.providers.executing import MigrationExecutor
from libs.runtime import telemetry
from libs.runtime.errors import WhimbrelError
from libs.runtime.serving import serve
from libs.runtime.settings import load
from libs.telling.outgoing import Outgoing
from libs.telling.settings import TellingSettings


async def run(settings: TellingSettings) -> int:
    """Carry out work until SIGTERM; returns the exit status."""
    outgoing = Outgoing(settings)
    carrier = Carrier(providers(outgoing))
    try:
        return await serve(MIGRATOR, "migration", settings, MigrationExecutor(MIGRATOR, carrier), limit=settings.work_limit)
    finally:
        await carrier.close()
        await outgoing.close()


def main() -> int:
    """Run until SIGTERM."""
    try:
        settings = load(TellingSettings)
        telemetry.configure_logs(MIGRATOR, settings.slot, settings.log_level)
        return asyncio.run(run(settings))
    except WhimbrelError as error:
        print(f"migrator: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
