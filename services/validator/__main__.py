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
    prefix = settings.prefix
    codec = Codec(Registry(settings.registry), prefix, "validator")
    policing = Policing(codec, POLICIES, prefix, settings.partitions)
    restorer = Restorer(settings.kafka, prefix, codec, policing)
    handler = Deciding(codec, restorer, DECIDERS, prefix, settings.partitions, policing)
    consumer = kafka.consumer(settings.kafka, f"{prefix}.validator", settings.slot, **{"session.timeout.ms": settings.session_timeout_ms})
    producer = kafka.transactional(settings.kafka, f"{prefix}.validator-{settings.slot}")
    loop = TransactionLoop(consumer, producer, [f"{prefix}.{aggregate}.commands" for aggregate in DECIDERS], handler)
    written = [f"{aggregate}.{role}" for aggregate in DECIDERS for role in ("events", "state", "commands")]
    codec.register_soon(prefix, written, after=loop.ready.wait)  # meanwhile it would take processor time from the restore
    return loop


def main() -> int:
    """Run until SIGTERM."""
    try:
        settings = load(Settings)
        telemetry.configure_logs("validator", settings.slot, settings.log_level)
        loop = wire(settings)
        reachable = kafka.reachable(settings.kafka)
        telemetry.serve_health(settings.health_port, lambda: loop.ready.is_set() and reachable())
        loop.run()
    except WhimbrelError as error:
        print(f"validator: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
