"""Start a notifier: `python -m services.notifier`."""

import asyncio
import sys

from libs.contracts.work import NOTIFIER
from libs.edge.signing import load_secrets
from libs.runtime import telemetry
from libs.runtime.errors import WhimbrelError
from libs.runtime.serving import serve
from libs.runtime.settings import load
from libs.telling.addresses import policy_of
from libs.telling.connecting import connector
from libs.telling.posting import Poster
from libs.telling.settings import NotifierSettings
from services.notifier.disabling import Disabler
from services.notifier.telling import Teller
from services.notifier.turns import OUTSTANDING, Hosts, Lanes
from services.notifier.watching import Watching


async def run(settings: NotifierSettings) -> int:
    """Match events and send webhooks until SIGTERM; returns the exit status."""
    policy = policy_of(settings.webhook_allow, settings.environment)
    secrets, lanes = load_secrets(settings), Lanes()
    watching = Watching(settings, at_stop=lanes.close)
    poster = Poster(policy, connector(policy), settings.webhook_timeout_s)
    hosts = Hosts(settings.webhook_per_host, settings.webhook_concurrency)
    teller = Teller(watching.subscriptions, secrets, poster, Disabler(settings), lanes, hosts)
    try:
        return await serve(NOTIFIER, "delivery", settings, teller, limit=OUTSTANDING, beside=watching)
    finally:
        await poster.close()


def main() -> int:
    """Run until SIGTERM."""
    try:
        settings = load(NotifierSettings)
        telemetry.configure_logs(NOTIFIER, settings.slot, settings.log_level)
        return asyncio.run(run(settings))
    except WhimbrelError as error:
        print(f"notifier: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
