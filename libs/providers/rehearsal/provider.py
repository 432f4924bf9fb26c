"""The `rehearsal` provider: a simulated machine with seeded failures, for trying waves, chaos and benchmarks."""

import asyncio
import hashlib
from pathlib import Path

from libs.contracts.migration.plan import ACT, Plan
from libs.contracts.values import Evidence
from libs.providers.base import Assignment, Inspection, MoveRequest, NotYet, Progress, ProviderError
from libs.providers.rehearsal import world
from libs.providers.rehearsal.options import Options, parse, problems
from libs.providers.rehearsal.planning import make_plan


class RehearsalProvider:
    """Does nothing, for as long and as unreliably as asked, and records it where asked."""

    kind = "rehearsal"

    async def inspect(self, request: MoveRequest) -> Inspection:
        """Check the options; nothing else can be wrong."""
        found = problems(request)
        return Inspection(facts={} if found else {"steps": parse(request).steps}, problems=found)

    def plan(self, request: MoveRequest, inspection: Inspection) -> Plan:
        """Derive the plan from the options."""
        return make_plan(parse(request))

    async def apply(self, work: Assignment, progress: Progress) -> Evidence:
        """Pass the time, fail when told to, and record the effect once."""
        options = parse(work.request)
        await _pass_time(options, progress)
        _fail(options, work, options.fail_at, options.fail_times)
        changed = options.effects == "none" or world.record(Path(options.effects), work, "apply")
        return {"applied": True, "changed": changed}

    async def check(self, work: Assignment, progress: Progress) -> Evidence:
        """A check holds unless told to fail; for an act, whether its effect stands (without a record of effects: assume it does)."""
        options = parse(work.request)
        if work.step.kind == ACT:
            return {"applied": options.effects == "none" or world.applied(Path(options.effects), work)}
        await _pass_time(options, progress)
        if _matches(options.fail_at, work) and work.attempt <= options.fail_times:
            raise NotYet("rehearsed_not_yet", f"{work.step.name} was told not to hold at attempt {work.attempt}")
        return {"holds": True}

    async def undo(self, work: Assignment, progress: Progress) -> Evidence:
        """Pass the time, fail when told to, and take the effect back once."""
        options = parse(work.request)
        await _pass_time(options, progress)
        _fail(options, work, options.fail_undo_at, options.fail_undo_times)
        changed = options.effects == "none" or world.record(Path(options.effects), work, "undo")
        return {"undone": True, "changed": changed}


async def _pass_time(options: Options, progress: Progress) -> None:
    if options.duration_ms:
        await progress(0, 1, "step")
        await asyncio.sleep(options.duration_ms / 1000)
        await progress(1, 1, "step")


def _fail(options: Options, work: Assignment, where: str | int, times: int) -> None:
    if _matches(where, work) and work.attempt <= times:
        raise ProviderError(
            "rehearsed_failure", f"{work.step.name} was told to fail at attempt {work.attempt}", retryable=not options.fail_for_good
        )
    if options.failure_rate and _draw(options.seed, work) < options.failure_rate:
        raise ProviderError("rehearsed_fault", f"{work.step.name} drew a failure at attempt {work.attempt}")


def _matches(where: str | int, work: Assignment) -> bool:
    return bool(where) and str(where) in (work.step.name, work.step.name.removeprefix("step_"))


def _draw(seed: int, work: Assignment) -> float:
    digest = hashlib.blake2b(f"{seed}/{work.work_id}#{work.attempt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
