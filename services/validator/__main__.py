"""Start a validator: `python -m services.validator`."""

import sys

from libs.domain.catalogue import DECIDERS
from libs.domain.policies import POLICIES
from libs.runtime import kafka, telemetry
from libs.runtime.codec import Codec
from libs.runtime.errors import WhimbrelError
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings, load
from libs.runtime.transaction import TransactionLoop
from services.validator.deciding import Deciding
from services.validator.policing import Policing
from services.validator.restoring import Restorer


def wire(settings: Settings) -> TransactionLoop:
    """Settings to a loop that is ready to run."""
    name = f"{settings.prefix}.validator"
    codec = Codec(Registry(settings.registry), settings.prefix, "validator")
    codec.register_soon(settings.prefix, [f"{aggregate}.{role}" for aggregate in DECIDERS for role in ("events", "state", "commands")])
    policing = Policing(codec, POLICIES, settings.prefix, settings.partitions)
    restorer = Restorer(settings.kafka, settings.prefix, codec, policing)
    handler = Deciding(codec, restorer, DECIDERS, settings.prefix, settings.partitions, policing)
    return TransactionLoop(
        kafka.consumer(settings.kafka, name, settings.slot, **{"session.timeout.ms": settings.session_timeout_ms}),
        kafka.transactional(settings.kafka, f"{name}-{settings.slot}"),
        [f"{settings.prefix}.{aggregate}.commands" for aggregate in DECIDERS],
        handler,
    )


def main() -> int:
    """Run until SIGTERM."""
    try:
        settings = load(Settings)
        telemetry.configure_logs("validator", settings.slot, settings.log_level)
        loop = wire(settings)
        reachable = kafka.reachable(settings.kafka)
        telemetry.serve_health(settings.health_port, lambda: loop.ready and reachable())
        loop.run()
    except WhimbrelError as error:
        print(f"validator: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
