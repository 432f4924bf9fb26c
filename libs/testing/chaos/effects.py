"""What the rehearsal world says was really done, compared with what the log says.

The world's files are read here line by line, not through the provider that wrote them.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from libs.testing.chaos.reference import Model


class Effect(NamedTuple):
    """One change of the world. `key` is the Kafka key of its migration."""

    key: bytes
    work_id: str
    fence: int
    direction: str
    step: str
    chunk: str
    changed: bool


def read_effects(directory: Path) -> list[Effect]:
    """Every line of every file, each file in its order."""
    return [_effect(json.loads(line)) for path in sorted(directory.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def _effect(line: dict[str, Any]) -> Effect:
    key = "/".join(line["work_id"].split("/")[:-4]).encode()
    return Effect(key, line["work_id"], line["fence"], line["direction"], line["step"], line["chunk"], line["changed"])


class World:
    """The world of one migration, followed effect by effect. `stands` maps step and chunk to whether the effect stands.

    `left_behind` names each undo that came while steps applied after its own still stood, and those steps.
    """

    def __init__(self, effects: Iterable[Effect]) -> None:
        self.stands: dict[tuple[str, str], bool] = {}
        self.doubled: list[str] = []
        self.left_behind: list[tuple[str, set[str]]] = []
        self._applied: list[str] = []
        self._work_ids: dict[tuple[str, str, str, str], str] = {}
        self._fences: dict[tuple[str, str, str], int] = {}
        for effect in effects:
            self._check_fence(effect)
            if effect.changed:
                self._take(effect)

    def _check_fence(self, effect: Effect) -> None:
        """Chunks of one step are in flight together and do not fence each other; everything else does."""
        own = (effect.step, effect.direction, effect.chunk)
        seen = max((fence for other, fence in self._fences.items() if other == own or other[:2] != own[:2]), default=0)
        if effect.fence < seen:
            self.doubled.append(f"{effect.work_id}: fence {effect.fence} after {seen}")
        self._fences[own] = max(effect.fence, self._fences.get(own, 0))

    def _take(self, effect: Effect) -> None:
        place = (effect.step, effect.chunk)
        wanted = effect.direction == "apply"
        # A chunked step is undone as a whole, under the chunk "-".
        concerned = [one for one in self.stands if one[0] == effect.step] if not wanted and effect.chunk == "-" else [place]
        if all(self.stands.get(one, False) == wanted for one in concerned):
            self.doubled.append(f"{effect.work_id}: {effect.direction} of what was so already")
        self.stands |= dict.fromkeys(concerned, wanted)
        round_ = effect.work_id.rsplit("/", 1)[-1]
        known = self._work_ids.setdefault((*place, effect.direction, round_), effect.work_id)
        if known != effect.work_id:
            self.doubled.append(f"{effect.work_id} did what {known} did")
        self._order(effect, wanted)

    def _order(self, effect: Effect, wanted: bool) -> None:
        if wanted:
            self._applied.append(effect.step)
            return
        later = self._applied[len(self._applied) - self._applied[::-1].index(effect.step) :] if effect.step in self._applied else []
        standing = {step for (step, _), stands in self.stands.items() if stands}
        if too_early := standing & set(later) - {effect.step}:
            self.left_behind.append((effect.work_id, too_early))


def left_wrong(model: Model, world: World) -> list[str]:
    """Effects of an ended migration that stand and should not, or should and do not."""
    standing = Counter(step for (step, _), stands in world.stands.items() if stands)
    acts = {step["name"]: max(1, step["chunks"]) for step in model.steps if step["kind"] == "act"}
    if model.outcome == "MigrationCompleted":
        return [f"{step} stands {standing[step]} times, not {count}" for step, count in acts.items() if standing[step] != count]
    undoable = {step["name"] for step in model.steps if step["compensation"]}
    return [f"{step} still stands" for step in sorted(standing.keys() & undoable - model.skipped)]


def worlds(effects: Iterable[Effect]) -> Mapping[bytes, World]:
    """The world of each migration."""
    found: dict[bytes, list[Effect]] = defaultdict(list)
    for effect in effects:
        found[effect.key].append(effect)
    return {key: World(of_key) for key, of_key in found.items()}
