"""Start a projector: `python -m services.projector`."""

import asyncio
import signal
import sys

from libs.readmodel.wiring import open_pool, sink_of
from libs.runtime import kafka, telemetry
from libs.runtime.errors import WhimbrelError
from libs.runtime.settings import Settings, load


async def serve(settings: Settings) -> None:
    """Project until SIGTERM."""
    async with open_pool(settings.postgres) as pool:
        sink = await sink_of(settings, pool)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, sink.stop)
        reachable = kafka.reachable(settings.kafka)
        telemetry.serve_health(settings.health_port, lambda: sink.ready and reachable())
        await sink.run()


def main() -> int:
    """Run until SIGTERM."""
    try:
        settings = load(Settings)
        telemetry.configure_logs("projector", settings.slot, settings.log_level)
        asyncio.run(serve(settings))
    except WhimbrelError as error:
        print(f"projector: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
