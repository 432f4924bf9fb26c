"""Read the intake topic: `python -m services.ingress.intake`. Ingress runs it beside itself; it ends with its standard input."""

import os
import sys
import threading

from libs.edge.intake import Intake
from libs.edge.intake_loop import IntakeHandler
from libs.edge.intake_reports import ReportIntake
from libs.edge.settings import IngressSettings
from libs.edge.signing import load_secrets
from libs.runtime import kafka, telemetry
from libs.runtime.codec import Codec
from libs.runtime.errors import WhimbrelError
from libs.runtime.registry import Registry
from libs.runtime.settings import load
from libs.runtime.transaction import TransactionLoop


def wire(settings: IngressSettings) -> TransactionLoop:
    """Settings to a loop that is ready to run."""
    name, registry = f"{settings.prefix}.ingress", Registry(settings.registry)
    codec = Codec(registry, settings.prefix, "ingress")
    intake = Intake(registry, settings.environment, settings.default_tenant)
    handler = IntakeHandler(intake, ReportIntake(load_secrets(settings), settings.environment), codec, settings.prefix)
    consumer = kafka.consumer(settings.kafka, name, settings.slot)
    producer = kafka.transactional(settings.kafka, f"{name}-{settings.slot}")
    return TransactionLoop(consumer, producer, [f"{settings.prefix}.intake"], handler)


def _end_with_parent(loop: TransactionLoop) -> None:
    while os.read(0, 4_096):  # nothing is ever sent: it returns when the parent has gone
        pass
    loop.stop()


def main() -> int:
    """Run until SIGTERM or the end of standard input."""
    try:
        settings = load(IngressSettings)
        telemetry.configure_logs("ingress-intake", settings.slot, settings.log_level)
        loop = wire(settings)
        threading.Thread(target=_end_with_parent, args=(loop,), daemon=True).start()
        loop.run()
    except WhimbrelError as error:
        print(f"ingress intake: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
