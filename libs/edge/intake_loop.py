"""The handler of the intake's transaction loop: commands, dead letters and offsets of a batch become visible together."""

from collections.abc import Sequence

import structlog
from confluent_kafka import TopicPartition
from prometheus_client import Counter

from libs.contracts.operations import ProgressReported
from libs.contracts.topics import commands_of
from libs.edge.intake import Intake
from libs.edge.intake_reports import ReportIntake
from libs.runtime.codec import Codec, Record
from libs.runtime.dead_letters import dead_letter
from libs.runtime.errors import Poison
from libs.runtime.received import Received
from libs.runtime.transaction import Output

_log = structlog.get_logger()
MESSAGES = Counter("whimbrel_intake_messages_total", "Intake messages read, by outcome", ["outcome"])


class IntakeHandler:
    """Stateless: assignment and revocation mean nothing to it."""

    def __init__(self, intake: Intake, reports: ReportIntake, codec: Codec, prefix: str) -> None:
        self._intake, self._reports, self._codec, self._prefix = intake, reports, codec, prefix
        self._commands, self._dead = commands_of(prefix, "migration"), f"{prefix}.dead-letters"
        self._progress = f"{prefix}.progress"

    def assigned(self, partitions: list[TopicPartition]) -> Output:
        """Nothing to restore."""
        return Output((), ())

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Nothing to forget."""

    def handle(self, batch: Sequence[Received], now: int) -> Output:
        """One record for each message. Raises RegistryUnavailable to be asked again."""
        return Output((), [self._record(message, now) for message in batch])

    def _record(self, message: Received, now: int) -> tuple[str, int, Record]:
        try:
            record = self._taken(message, now)
        except Poison as poison:
            _log.warning("dead letter", topic=message.topic, partition=message.partition, offset=message.offset, reason=poison.reason)
            MESSAGES.labels("dead_letter").inc()
            return self._dead, -1, dead_letter(self._codec, self._prefix, "ingress", message, poison, now, self._intake.tenant_of(message))
        MESSAGES.labels("accepted").inc()
        return record

    def _taken(self, message: Received, now: int) -> tuple[str, int, Record]:
        found = self._reports.taken(message, now) if self._reports.concerns(message) else self._intake.command(message, now)
        try:
            if isinstance(found, ProgressReported):
                return self._progress, -1, self._codec.plain(self._progress, found, f"{found.tenant}/{found.migration}".encode(), [])
            return self._commands, -1, self._codec.command(self._commands, *found)
        except (AttributeError, TypeError, ValueError) as error:  # a rule is missing that should have refused it: one message's loss
            raise Poison("unencodable", f"no record can be made of it: {error}") from error
