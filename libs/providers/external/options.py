"""What a request says about another system: where it is told, and the steps that it carries out."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.contracts.migration.plan import ACT, CHECK
from libs.contracts.values import Problem
from libs.providers.base import MoveRequest

HOUR_MS = 3_600_000
MAX_PROBLEMS = 100


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class WebhookOption(_Part):
    """A URL that is posted to."""

    url: str = Field(min_length=1, max_length=2_000, description="Where work is told")
    secret: str = Field(min_length=1, max_length=500, description="Reference (env:NAME or file:/path) to the whsec_... that signs")


class KafkaOption(_Part):
    """A topic that is written to."""

    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$", description="Where work is told")


class StepOption(_Part):
    """One step as it goes into the plan."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Name of the step, unique within the request")
    phase: Literal["preparing", "replicating", "testing", "cutting_over", "finalising"] = Field(description="Phase that it belongs to")
    kind: Literal["act", "check"] = Field(default="act", description="Whether it changes the world or looks at it")
    title: str = Field(default="", max_length=200, description="What it does, in a sentence for people")
    compensation: str = Field(default="", max_length=200, description="What undoing it does; needed by an act that can be undone")
    parameters: dict[str, Any] = Field(default={}, description="What the other system needs for it")
    point_of_no_return: bool = Field(default=False, description="Whether going back is impossible once it was dispatched")
    attempts: int = Field(default=5, ge=1, le=1_000, description="How often it is tried in all")
    timeout_ms: int = Field(default=HOUR_MS, ge=1_000, le=90 * 24 * HOUR_MS, description="Until when an attempt must be reported")
    backoff_ms: int = Field(default=500, ge=0, le=HOUR_MS, description="Pause before the second attempt; doubles, up to a minute")
    chunks: int = Field(default=0, ge=0, le=1_000_000, description="Number of chunks of the step; 0 when it is done in one piece")
    window: int = Field(default=1, ge=1, le=100, description="Chunks that are told at once")
    estimate_ms: int = Field(default=0, ge=0, description="How long it is expected to take")


class Options(_Part):
    """Options of a request to an external system."""

    webhook: WebhookOption | None = Field(default=None, description="Tell by a signed webhook")
    kafka: KafkaOption | None = Field(default=None, description="Tell by a message on a topic")
    summary: str = Field(default="", max_length=200, description="What moves from where to where, in a sentence")
    steps: Annotated[list[StepOption], Field(min_length=1, max_length=1_000)]


def parse(request: MoveRequest) -> Options:
    """Options of a request that has no `option_problems`."""
    return Options.model_validate(request.options)


def option_problems(request: MoveRequest) -> list[Problem]:
    """Everything wrong with the form of the options, each with its JSON Pointer."""
    found = [*_of_form(request.options), *_of_target(request.options), *_of_steps(request.options.get("steps"))]
    return found[:MAX_PROBLEMS]


def problem(message: str, remedy: str, field: str, code: str = "invalid_option") -> Problem:
    """A problem with one value of the request."""
    return Problem(code=code, category="validation", message=message, remedy=remedy, field=field)


def _of_form(options: dict[str, Any]) -> Iterator[Problem]:
    try:
        Options.model_validate(options)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            pointer = "/options" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in one["loc"])
            yield problem(f"{pointer}: {one['msg']}", _REMEDIES.get(one["type"], "correct the value"), pointer)


_REMEDIES = {
    "extra_forbidden": "take it out, or correct its name",
    "missing": "add it",
    "literal_error": "use one of the values that the message names",
}


def _of_target(options: dict[str, Any]) -> Iterator[Problem]:
    """Exactly one way to be told."""
    named = [name for name in ("webhook", "kafka") if options.get(name) is not None]
    if not named:
        yield problem("nothing says where work is told", "name a webhook or a kafka topic", "/options", "no_destination")
    elif len(named) == 2:
        yield problem("both a webhook and a kafka topic are named", "leave out one of the two", "/options/kafka", "two_destinations")


def _of_steps(steps: Any) -> Iterator[Problem]:
    """What the steps contradict; steps of the wrong form are named by `_of_form`."""
    seen: dict[str, int] = {}
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, dict):
            continue
        name = step.get("name")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            yield problem(
                f"step {index} has the name {name} of step {seen[name]}", "give each step a name of its own", f"/options/steps/{index}/name"
            )
        for field, message, remedy, wrong in _SENSE:
            if wrong(step):
                yield problem(f"step {index}: {message}", remedy, f"/options/steps/{index}/{field}")


def _is(kind: str, step: dict[str, Any]) -> bool:
    return bool(step.get("kind", ACT) == kind)


_SENSE: tuple[tuple[str, str, str, Callable[[dict[str, Any]], bool]], ...] = (
    (
        "compensation",
        "an act that can be undone says nothing about its compensation",
        "say in a sentence what undoing it does, or make it the point_of_no_return",
        lambda step: _is(ACT, step) and not step.get("compensation") and not step.get("point_of_no_return"),
    ),
    ("compensation", "a check has nothing to undo", "leave it out", lambda step: _is(CHECK, step) and bool(step.get("compensation"))),
    (
        "point_of_no_return",
        "only an act can be one",
        "leave it out",
        lambda step: _is(CHECK, step) and bool(step.get("point_of_no_return")),
    ),
    ("chunks", "only an act has chunks", "leave them out", lambda step: _is(CHECK, step) and bool(step.get("chunks"))),
)
