"""The outside world: effects of acts, each system remembering the highest fence it has seen (D3)."""

from typing import Any

from libs.contracts.migration.plan import ACT, Plan
from libs.contracts.work import APPLY, UNDO, Work
from libs.testing.simulator.invariants import Ledger, Violation

Place = tuple[int, str]
"""Step and chunk."""


class World:
    """What one migration has done to the world. Apply and undo are idempotent; lower fences are refused.

    Chunks of one step are in flight together and do not fence each other: a fence binds the same chunk, and everything
    that is not a sibling chunk.
    """

    def __init__(self) -> None:
        self.effects: dict[Place, str] = {}
        self._seen: dict[tuple[int, str], int] = {}
        self._chunk_seen: dict[Place, int] = {}

    def touch(self, plan: Plan, work: Work) -> bool:
        """Apply or undo under the work's fence; False when that is too low and nothing was changed."""
        place, group = (work.step, work.chunk), (work.step, work.direction)
        others = max((fence for key, fence in self._seen.items() if key != group), default=0)
        if work.fence < max(others, self._chunk_seen.get(place, 0)):
            return False
        self._seen[group] = max(self._seen.get(group, 0), work.fence)
        self._chunk_seen[place] = max(self._chunk_seen.get(place, 0), work.fence)
        if work.direction == APPLY:
            self._apply(place, work.work_id, compensable=bool(plan.steps[work.step].compensation))
        elif work.direction == UNDO:
            self.effects = {key: value for key, value in self.effects.items() if key[0] != work.step}
        return True

    def _apply(self, place: Place, work_id: str, *, compensable: bool) -> None:
        present = self.effects.setdefault(place, work_id)
        if present != work_id and compensable:
            raise Violation("I15", f"{work_id} finds the effect of {present} still standing")

    def agree(self, state: Any, ledger: Ledger) -> None:
        """Raise Violation when the world is not what the log says it is. To be asked when everything has come to rest."""
        plan = ledger.plan
        if plan is None:
            standing = set(self.effects)
            expected: set[Place] = set()
        elif state.status == "completed":
            standing, expected = set(self.effects), _whole(plan)
        else:
            standing = {place for place in self.effects if plan.steps[place[0]].compensation and place[0] not in ledger.skipped}
            expected = set()
        if standing != expected:
            code = "I16" if state.status == "completed" else "I17"
            raise Violation(code, f"{state.status}, but standing {sorted(standing)} is not {sorted(expected)}")


def _whole(plan: Plan) -> set[Place]:
    return {
        (index, chunk)
        for index, step in enumerate(plan.steps)
        if step.kind == ACT
        for chunk in (map(str, range(step.chunks)) if step.chunks else ("-",))
    }
