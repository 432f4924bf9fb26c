"""RFC 9457 problem details: the one shape of every error answer, and the exception that becomes one."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

from libs.edge.problem_types import PROBLEMS


class FieldError(BaseModel):
    """One value that is not valid."""

    model_config = ConfigDict(extra="forbid")

    pointer: str = Field(description="JSON Pointer (RFC 6901) into the body, or /query/<name>, /header/<name>")
    code: str = Field(description="Stable, machine-readable class of the mistake")
    detail: str = Field(description="What is wrong, in one sentence")


class ProblemDetails(BaseModel):
    """Problem details as RFC 9457 has them."""

    type: str = Field(description="Page that explains this type of problem")
    title: str = Field(description="The type in a few words")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="What is wrong with this request")
    code: str = Field(description="Stable, machine-readable code")
    correlationId: str = Field(description="Correlation id of the request")
    traceId: str = Field(description="W3C trace id of the request")
    errors: list[FieldError] = Field(default=[], description="Every value that is not valid, all at once")
    version: int | None = Field(default=None, description="Current version, where the refusal concerns one")


class Wrong(TypedDict):
    """One value that is not valid, as it is written."""

    pointer: str
    code: str
    detail: str


class HttpProblem(Exception):
    """Ends the request with problem details. `code` is a row of `PROBLEMS`, or with `kind` a refusal's own code."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        kind: str = "",
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = PROBLEMS[kind or code]
        super().__init__(detail or self.kind.meaning)
        self.code, self.detail, self.errors = code, detail or self.kind.meaning, list(errors)
        self.headers, self.extra = dict(headers or {}), dict(extra or {})

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.kind.status

    def document(self, correlation_id: str = "", trace_id: str = "") -> dict[str, Any]:
        """The problem details to send."""
        found: dict[str, Any] = {
            "type": f"/problems/{self.kind.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.code,
            "correlationId": correlation_id,
            "traceId": trace_id,
            **self.extra,
        }
        return {**found, "errors": self.errors} if self.errors else found


def unavailable(code: str, retry_after_s: int = 2) -> HttpProblem:
    """A 503 that says when to come back."""
    return HttpProblem(code, headers={"Retry-After": str(retry_after_s)})


TAG = "\0"


def wrong_values(errors: Sequence[ErrorDetails], place: str = "") -> list[Wrong]:
    """What a validator found, as JSON Pointers below `place`. Values sent are never repeated: they may be secrets."""
    return [{"pointer": place + pointer(error["loc"]), "code": error["type"], "detail": _sentence(error)} for error in errors]


def _sentence(error: ErrorDetails) -> str:
    return error["msg"].removeprefix("Value error, ")


def pointer(parts: Sequence[str | int]) -> str:
    """JSON Pointer (RFC 6901) of a path. Tags of unions, which begin with TAG, are no part of what was sent."""
    sent = [str(part) for part in parts if not str(part).startswith(TAG)]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in sent)
