"""Reports and progress on the intake topic: the same rules as by HTTP, with `workId` as one more field. Pure."""

from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import Field, TypeAdapter

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.operations import ProgressReported
from libs.contracts.work import ReportWork
from libs.edge.intake import ACTOR, INVALID, correlation_of, sentence, traceparent_of
from libs.edge.problems import HttpProblem
from libs.edge.reading import parsed
from libs.edge.reports import WorkProgress, WorkReport, command_id_of, require_ticket
from libs.edge.signing import Secrets
from libs.edge.values import ID_PATTERN, PATH_PATTERNS
from libs.runtime.errors import Poison
from libs.runtime.received import Received

_PARTS = (PATH_PATTERNS["tenant"], ID_PATTERN, *(PATH_PATTERNS[name] for name in ("step", "chunk", "direction", "round")))
_PATTERN = "^" + "/".join(part.strip("^$") for part in _PARTS) + "$"
WorkId = Annotated[str, Field(pattern=_PATTERN, description="Work that was told, as it was told")]
_MARK = b'"workId"'


class KafkaReport(WorkReport):
    """A report on the intake topic."""

    work_id: WorkId


class KafkaProgress(WorkProgress):
    """A word on progress on the intake topic."""

    work_id: WorkId


_REPORT: TypeAdapter[KafkaReport] = TypeAdapter(KafkaReport)
_PROGRESS: TypeAdapter[KafkaProgress] = TypeAdapter(KafkaProgress)


class ReportCommand(NamedTuple):
    """A report as the command that it is."""

    envelope: CommandEnvelope
    body: ReportWork
    traceparent: bytes


class ReportIntake(NamedTuple):
    """What the answer to such a message depends on beside the message."""

    secrets: Secrets
    environment: str

    def concerns(self, message: Received) -> bool:
        """Whether a message is about work, rather than a request for a migration."""
        return "workId" in _members(message.value)

    def taken(self, message: Received, now: int) -> ReportCommand | ProgressReported:
        """What a message that is about work asks for. Raises Poison with every reason."""
        try:
            said = parsed(_REPORT if "outcome" in _members(message.value) else _PROGRESS, message.value or b"", {})
            require_ticket(self.secrets, said.work_id, said)
        except HttpProblem as problem:
            raise Poison(INVALID, sentence(problem)) from problem
        return self._command(message, said, now) if isinstance(said, KafkaReport) else said.message(said.work_id, now)

    def _command(self, message: Received, said: KafkaReport, now: int) -> ReportCommand:
        tenant, migration = said.work_id.split("/")[:2]
        command_id = command_id_of(said.work_id, said.attempt)
        envelope = CommandEnvelope(
            command_id=command_id,
            tenant=tenant,
            aggregate=migration,
            environment=self.environment,
            actor=ACTOR,
            correlation_id=correlation_of(message, command_id),
            occurred_at=now,
        )
        return ReportCommand(envelope, said.command(said.work_id), traceparent_of(message, command_id))


def _members(value: bytes | None) -> dict[str, Any]:
    if value is None or _MARK not in value:
        return {}
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
