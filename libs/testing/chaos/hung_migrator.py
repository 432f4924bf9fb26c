"""A migrator whose first act never returns and blocks the event loop: `python -m libs.testing.chaos.hung_migrator`.

The second process of it acts as it should. WHIMBREL_HUNG_MARK names the file that tells them apart.
"""

import asyncio
import sys
import threading
from os import environ
from pathlib import Path

from libs.contracts.values import Evidence
from libs.contracts.work import MIGRATOR
from libs.providers.base import Assignment, Progress
from libs.providers.carrying_out import Carrier
from libs.providers.executing import MigrationExecutor
from libs.providers.rehearsal.provider import RehearsalProvider
from libs.runtime import telemetry, worker
from libs.runtime.serving import serve
from libs.runtime.settings import Settings, load


class Hanging(RehearsalProvider):
    """Hangs once."""

    async def apply(self, work: Assignment, progress: Progress) -> Evidence:
        """Do it, then never say so; or, the second time, find it done."""
        evidence = await super().apply(work, progress)
        _hang_once()
        return evidence


def _hang_once() -> None:
    mark = Path(environ["WHIMBREL_HUNG_MARK"])
    if not mark.exists():
        mark.touch()
        threading.Event().wait()


def main() -> int:
    """Run until SIGTERM, or until the watchdog has had enough."""
    settings = load(Settings)
    telemetry.configure_logs(MIGRATOR, settings.slot, settings.log_level)
    worker.HUNG_S = 3.0
    executor = MigrationExecutor(MIGRATOR, Carrier({"rehearsal": Hanging}))
    return asyncio.run(serve(MIGRATOR, "migration", settings, executor, limit=settings.work_limit))


if __name__ == "__main__":
    sys.exit(main())
