"""`decide`: lifecycles a second through the pure core alone, beside folding the same events without deciding."""

import time
from typing import Any

from msgspec.structs import replace

from benchmarks.report import line
from libs.contracts.envelope import CommandEnvelope, follow
from libs.contracts.migration.commands import ReportPlan, RequestMigration
from libs.contracts.migration.plan import Plan, Step
from libs.contracts.migration.request import Request
from libs.contracts.work import SUCCEEDED, ReportWork
from libs.domain.decider import Command
from libs.domain.history import advance, digest_of, respond
from libs.domain.migration import DECIDER
from libs.runtime.memory import collect_rarely

STEPS = 8
NOW = 1_000_000_000_000_000
PLAN = Plan(
    provider="rehearsal",
    steps=tuple(Step(name=f"step_{i}", phase="preparing", kind="act", compensation="undo it") for i in range(STEPS)),
)


def commands(number: int) -> list[Command]:
    """The ten commands of one lifecycle."""
    name = f"m{number}"
    request = RequestMigration(request=Request(provider="rehearsal", application="bench", source="{}", target="{}"))
    planned = f"bench/{name}/plan/-/plan/1"
    works = [f"bench/{name}/{i}/-/apply/1" for i in range(STEPS)]
    bodies: list[tuple[str, Any]] = [
        (name, request),
        (f"{planned}#1", ReportPlan(work_id=planned, attempt=1, plan=PLAN)),
        *((f"{work}#1", ReportWork(work_id=work, attempt=1, outcome=SUCCEEDED)) for work in works),
    ]
    return [Command(_envelope(name, command_id), body) for command_id, body in bodies]


def _envelope(name: str, command_id: str) -> CommandEnvelope:
    return CommandEnvelope(
        command_id=command_id,
        tenant="bench",
        aggregate=name,
        environment="dev",
        actor="bench",
        correlation_id=name,
        occurred_at=NOW,
    )


def live(lifecycle: list[Command]) -> list[Any]:
    """Decide and fold one lifecycle; returns its events."""
    state, history = DECIDER.initial, []
    for command in lifecycle:
        digest = digest_of(DECIDER, command.body)
        stream = state.stream
        for ordinal, event in enumerate(respond(DECIDER, state, command, NOW, digest)):
            version = stream.version + 1
            envelope = follow(command.envelope, ordinal=ordinal, version=version, recorded_at=NOW, previous=stream.head, digest=digest)
            stream = advance(stream, envelope, b"")
            state = DECIDER.evolve(state, event)
            history.append(event)
        state = replace(state, stream=stream)
    return history


def fold(history: list[Any]) -> Any:
    """Fold events without deciding anything."""
    state = DECIDER.initial
    for event in history:
        state = DECIDER.evolve(state, event)
    return state


def run(n: int = 5_000) -> dict[str, Any]:
    """Measure; CPU time of this process, so that neighbours matter less."""
    lifecycles = [commands(number) for number in range(n)]
    live(lifecycles[0])  # schemas are compiled at their first use
    collect_rarely()  # as the validator does: else it is the size of what is imported that is measured
    began = time.process_time()
    histories = [live(lifecycle) for lifecycle in lifecycles]
    decided = time.process_time() - began
    began = time.process_time()
    ends = {fold(history).status for history in histories}
    folded = time.process_time() - began
    if ends != {"completed"}:
        raise RuntimeError(f"lifecycles ended as {ends}")
    return line("decide", n, n / decided, "lifecycles/s of CPU", n / folded, limit_is="evolve alone", durability="none: no I/O")
