"""Reports and progress of work that was told to another system, by HTTP. The path is the work id, as it was told."""

from typing import NamedTuple

from pydantic import Field

from libs.edge.auth import REPORTER
from libs.edge.decisions import Accepted, Document
from libs.edge.problems import HttpProblem, unavailable
from libs.edge.reports import Answering, WorkProgress, WorkReport, command_id_of, require_ticket
from libs.edge.routing import OPERATORS, Answer, Call, Outcome, Route
from libs.edge.submitting import Wish, submit
from libs.readmodel.facts import Fact
from libs.readmodel.queries import answers, migrations
from libs.runtime.clock import now_us

_PARTS = ("tenant", "id", "step", "chunk", "direction", "round")


class Recorded(Document):
    """This attempt was reported before, with the same outcome; nothing changed."""

    work_id: str = Field(description="Work that it is about")
    attempt: int = Field(description="Attempt that was reported")
    outcome: str = Field(description="Outcome on record")
    event: str = Field(description="Type of the event that holds it")
    version: int = Field(description="Version of the migration after it")


class _Standing(NamedTuple):
    """What the read model knows of an attempt; nothing, where it does not answer or is behind."""

    recorded: Fact | None = None
    current: int = 0
    """The attempt that is pending; 0 when none is known to be."""
    correlation_id: str = ""


async def report(call: Call) -> Answer:
    """Take how an attempt ended; a repeat finds it on record, an answer that comes too late is told so."""
    said: WorkReport = call.body
    work_id = _told(call, said)
    standing = await _standing(call, work_id, said.attempt)
    recorded = standing.recorded
    if recorded is not None and answers.outcome_of(recorded) == said.outcome:
        version, event = recorded.envelope.version, type(recorded.body).__name__
        return Answer(Recorded(work_id=work_id, attempt=said.attempt, outcome=said.outcome, event=event, version=version))
    _require_current(standing, said.attempt)
    id_ = call.path["id"]
    location, command_id = f"/v1/migrations/{id_}", command_id_of(work_id, said.attempt)
    return await submit(call, Wish("migration", id_, said.command(work_id), location, False, command_id, standing.correlation_id))


async def progress(call: Call) -> Answer:
    """Take how far an attempt is."""
    said: WorkProgress = call.body
    work_id = _told(call, said)
    _require_current(await _standing(call, work_id, said.attempt), said.attempt)
    call.edge.require_started()
    topic, id_ = call.edge.topic("progress"), call.path["id"]
    record = call.edge.codec.plain(topic, said.message(work_id, now_us()), f"{call.principal.tenant}/{id_}".encode(), [])
    (outcome,) = await call.edge.sender.send([(topic, record)])
    if outcome:
        raise unavailable("log_unavailable")
    return Answer(None, 202)


def _told(call: Call, said: Answering) -> str:
    """The work id, once the caller has proven to have been told of it. Raises HttpProblem."""
    if call.path["tenant"] != call.principal.tenant:
        raise HttpProblem("not_found")
    work_id = "/".join(call.path[part] for part in _PARTS)
    require_ticket(call.edge.secrets, work_id, said)
    return work_id


async def _standing(call: Call, work_id: str, attempt: int) -> _Standing:
    tenant, id_ = call.principal.tenant, call.path["id"]
    try:
        async with call.edge.read_side.snapshot() as snapshot:
            row = await migrations.one(snapshot, tenant, id_)
            if row is None:
                return _Standing()
            current = next((work.attempt for work in row.work if work.work_id == work_id), 0)
            recorded = None if current == attempt else await answers.of_attempt(snapshot, tenant, id_, command_id_of(work_id, attempt))
            return _Standing(recorded, current, row.correlation_id)
    except HttpProblem as problem:
        if problem.code != "read_model_unavailable":
            raise
        return _Standing()  # a report is taken without it: the validator alone decides


def _require_current(standing: _Standing, attempt: int) -> None:
    """Raise HttpProblem 409 when another attempt is known to be the current one, or this one to have ended otherwise."""
    now = f"attempt {standing.current} is under way" if standing.current else "no attempt is under way"
    recorded, extra = standing.recorded, {"attempt": standing.current} if standing.current else {}
    if recorded is not None:
        problem = getattr(recorded.body, "problem", None)
        why = f" ({problem.code}: {problem.message})" if problem else ""
        outcome = answers.outcome_of(recorded)
        raise HttpProblem("report_stale", f"Attempt {attempt} is on record as {outcome}{why}; {now}.", extra=extra)
    if standing.current > attempt:
        raise HttpProblem("report_stale", f"Attempt {attempt} is over; {now}: report that one.", extra=extra)


_PATH = "/v1/work-items/" + "/".join(f"{{{part}}}" for part in _PARTS)
_ROLES = OPERATORS | {REPORTER}
_PROBLEMS = ("wrong_ticket", "report_stale", "log_unavailable")
ROUTES = (
    Route(
        "POST", f"{_PATH}/report", "reportWork", "Say how an attempt at work ended that was told to you", "work", report,
        {200: Outcome("Reported before, with the same outcome", Recorded), 202: Outcome("On the log", Accepted, headers=("Location",))},
        _ROLES, body=WorkReport, problems=(*_PROBLEMS, "validator_behind"),
    ),
    Route(
        "POST", f"{_PATH}/progress", "reportProgress", "Say how far an attempt is", "work", progress,
        {202: Outcome("Taken; nothing is decided by it")}, _ROLES, body=WorkProgress, problems=_PROBLEMS,
    ),
)  # fmt: skip
