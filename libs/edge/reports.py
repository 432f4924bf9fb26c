"""What another system says about work that was told to it: one model for both doors, HTTP and Kafka."""

import hmac
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from libs.contracts.operations import ProgressReported
from libs.contracts.values import Evidence, Problem
from libs.contracts.work import FAILED, ReportWork
from libs.edge.migration_request import Body
from libs.edge.problems import HttpProblem, Wrong
from libs.edge.signing import Secrets
from libs.edge.values import JsonObject, OptionalReason, Reason

MAX_EVIDENCE = 64
MAX_TEXT = 2_000
MAX_COUNT = 2**62
_CODE = r"^[a-z][a-z0-9_]{2,60}$"
_UNIT = r"^[A-Za-z][A-Za-z0-9 _-]{0,39}$"
Attempt = Annotated[int, Field(ge=1, le=1_000_000, description="Attempt that was told; an answer to another one is stale")]
Ticket = Annotated[str, Field(min_length=1, max_length=100, description="The ticket that was told with this attempt")]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class ReportedProblem(Body):
    """Why the work did not succeed."""

    code: str = Field(pattern=_CODE, description="Stable, machine-readable code in lower snake case")
    message: Reason = Field(description="What is wrong, in one sentence")
    remedy: OptionalReason = Field(default="", description="What to do about it")


class Answering(Body):
    """What both a report and a word on progress say."""

    attempt: Attempt
    ticket: Ticket


class WorkReport(Answering):
    """How an attempt ended."""

    outcome: Literal["succeeded", "failed", "stopped"] = Field(description="stopped: it ended before its time because it was told to")
    evidence: JsonObject = Field(
        default={}, description="What was found or done: at most 64 names with plain values; for a look at an act, `applied`"
    )
    problem: ReportedProblem | None = Field(default=None, validate_default=True, description="Why; needed when the outcome is failed")
    retryable: bool = Field(default=True, description="For a failure: whether the same work may succeed later")

    @field_validator("evidence")
    @classmethod
    def _plain(cls, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) > MAX_EVIDENCE:
            raise PydanticCustomError("too_long", "holds more than 64 names")
        for name, item in value.items():
            if not isinstance(item, bool | int | float | str) or (isinstance(item, str) and len(item) > MAX_TEXT):
                message = "holds under {name} something other than a number, a truth value or a text of at most 2,000 characters"
                raise PydanticCustomError("not_plain", message, {"name": name[:60]})
        return value

    @field_validator("problem")
    @classmethod
    def _said_why(cls, value: ReportedProblem | None, info: Any) -> ReportedProblem | None:
        outcome = info.data.get("outcome")
        if outcome == FAILED and value is None:
            raise PydanticCustomError("missing", "is missing: say why it failed, as code and message")
        if outcome not in (FAILED, None) and value is not None:
            raise PydanticCustomError("not_failed", "is only for the outcome failed; leave it out")
        return value

    def command(self, work_id: str) -> ReportWork:
        """The command that this is."""
        problem = self.problem
        return ReportWork(
            work_id=work_id,
            attempt=self.attempt,
            outcome=self.outcome,
            evidence=cast(Evidence, self.evidence),
            problem=Problem(problem.code, "migration_execution", problem.message, problem.remedy) if problem else None,
            retryable=self.retryable,
        )


class WorkProgress(Answering):
    """How far an attempt is."""

    done: Count = Field(description="How much is done, in `unit`")
    total: Count = Field(default=0, description="How much there is; 0 when that is unknown")
    unit: str = Field(default="percent", pattern=_UNIT, description="What is counted")

    @model_validator(mode="after")
    def _not_more_than_all(self) -> Self:
        if self.total and self.done > self.total:
            raise PydanticCustomError("more_than_all", "done is more than total; correct one of the two")
        return self

    def message(self, work_id: str, at: int) -> ProgressReported:
        """The message that this is."""
        tenant, migration, step = work_id.split("/")[:3]
        return ProgressReported(
            tenant=tenant, migration=migration, work_id=work_id, step=step, done=self.done, total=self.total, unit=self.unit, at=at
        )


def command_id_of(work_id: str, attempt: int) -> str:
    """Command id of the report of an attempt: the one that workers use too, so that an attempt is answered once."""
    return f"{work_id}#{attempt}"


def require_ticket(secrets: Secrets, work_id: str, said: Answering) -> None:
    """Raise HttpProblem 403 unless who says this was told of this very attempt."""
    if not hmac.compare_digest(secrets.ticket(work_id, said.attempt).encode(), said.ticket.encode()):
        wrong: Wrong = {"pointer": "/ticket", "code": "wrong_ticket", "detail": "is not the ticket that was told with this attempt"}
        raise HttpProblem("wrong_ticket", errors=[wrong])
