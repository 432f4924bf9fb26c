"""The steps that somebody wrote, by name, and the options of a request that has them carried out."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from libs.contracts.migration.plan import ACT, CHECK
from libs.contracts.values import Evidence
from libs.contracts.work import UNDO
from libs.own_steps.work import Work
from libs.providers.external.options import StepOption

Check = Callable[[Work], Awaitable[Evidence]]


class Act(Protocol):
    """A step that changes the world. A method `applied(work) -> bool`, if there is one, says whether its effect stands."""

    async def apply(self, work: Work) -> Evidence:
        """Do it, or find it done under the same `work.id`. May be cancelled at any await, and repeated after any of them."""

    async def undo(self, work: Work) -> Evidence:
        """Undo it from any half-done point, or find nothing to undo."""


A = TypeVar("A", bound=type[Any])
C = TypeVar("C", bound=Check)


class StepError(Exception):
    """A step could not do its work. `code` is stable and in lower snake case; `retryable` says whether it may succeed later."""

    def __init__(self, code: str, message: str, *, retryable: bool = True, remedy: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.retryable, self.remedy = code, message, retryable, remedy


class NotYet(StepError):
    """A check does not hold yet: it is made again until the deadline."""


class Steps:
    """Steps in the order in which they are written."""

    def __init__(self) -> None:
        self._options: dict[str, StepOption] = {}
        self._acts: dict[str, Act] = {}
        self._checks: dict[str, Check] = {}

    def act(self, name: str, *, phase: str, compensation: str = "", **settings: Any) -> Callable[[A], A]:
        """Decorate a class with `apply` and `undo`. `settings` are those of a step of the provider `external`, e.g. timeout_ms.

        Raises ValueError when one of them is not valid.
        """
        self._add({"name": name, "phase": phase, "kind": ACT, "compensation": compensation, **settings})

        def decorated(cls: A) -> A:
            self._acts[name] = cls()
            return cls

        return decorated

    def check(self, name: str, *, phase: str, **settings: Any) -> Callable[[C], C]:
        """Decorate a function that looks at the world: it returns evidence, or raises NotYet. Raises ValueError like `act`."""
        self._add({"name": name, "phase": phase, "kind": CHECK, **settings})

        def decorated(function: C) -> C:
            self._checks[name] = function
            return function

        return decorated

    def _add(self, settings: dict[str, Any]) -> None:
        option = StepOption.model_validate(settings)
        if option.name in self._options:
            raise ValueError(f"there are two steps {option.name}; give each a name of its own")
        self._options[option.name] = option

    def options(self, parameters: dict[str, dict[str, Any]] | None = None, **destination: Any) -> dict[str, Any]:
        """Options of a request that has these steps carried out: webhook={...} or kafka={...}, and parameters by step."""
        named = parameters or {}
        if unknown := named.keys() - self._options.keys():
            raise ValueError(f"there is no step {min(unknown)}; there are: {', '.join(self._options)}")
        shown = [option.model_dump(exclude_defaults=True) | {"name": name} for name, option in self._options.items()]
        return {**destination, "steps": [one | ({"parameters": named[one["name"]]} if one["name"] in named else {}) for one in shown]}

    async def carry_out(self, work: Work) -> Evidence:
        """Do, undo or look, as the work asks. Raises StepError, and whatever the step raises."""
        name, direction = work.data.step, work.data.direction
        if name in self._checks:
            return await self._checks[name](work)
        if name not in self._acts:
            raise StepError(
                "unknown_step", f"there is no step {name} here", retryable=False, remedy="serve the steps that the request names"
            )
        act = self._acts[name]
        if direction == CHECK:
            # Without `applied` the effect is taken to stand: undo then finds out what there is to undo.
            return {"applied": bool(await act.applied(work)) if hasattr(act, "applied") else True}
        return await (act.undo(work) if direction == UNDO else act.apply(work))
