"""Start ingress: `python -m services.ingress`."""

import asyncio
import signal
import sys

from libs.edge.app import Server
from libs.edge.companion import Companion
from libs.edge.edge import Edge
from libs.edge.read_side import ReadSide
from libs.edge.settings import IngressSettings
from libs.edge.signing import load_secrets
from libs.edge.table import ROUTES
from libs.runtime import telemetry
from libs.runtime.errors import WhimbrelError
from libs.runtime.settings import load


async def serve(settings: IngressSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    secrets = load_secrets(settings)
    read_side = ReadSide(settings.postgres, settings.prefix, settings.cursor_secret or secrets.of_cursors())
    server = Server(ROUTES, Edge(settings, secrets, read_side), Companion("services.ingress.intake"))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.start()
    await stopping.wait()
    await server.stop()


def main() -> int:
    """Run until told to stop."""
    try:
        settings = load(IngressSettings)
        telemetry.configure_logs("ingress", settings.slot, settings.log_level)
        asyncio.run(serve(settings))
    except (WhimbrelError, OSError) as error:
        print(f"ingress: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
