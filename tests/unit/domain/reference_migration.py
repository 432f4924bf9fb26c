"""What a migration should do, told once more in the plainest way: the naive model that the decider is compared with.

It knows no events, ids, fences, versions or bytes; it changes in place. Nothing here is shared with the decider.
"""

from libs.contracts.migration.plan import ACT, WAIT, Step

Item = tuple[int, str, str]
"""Step, chunk and direction of a piece of work."""
DONE, REFUSED, IGNORED = "done", "refused", "ignored"


class Model:
    """A planned migration: it runs the first of its steps, or waits for what it needs before that."""

    def __init__(self, steps: tuple[Step, ...], hold: bool, limits: tuple[str, ...] = (), wave: bool = False) -> None:
        self.steps, self.hold = steps, hold
        self.mode, self.outcome, self.round, self.crossed = "running", "", 1, False
        self.flight: dict[Item, int] = {}
        self.broken: dict[Item, int] = {}
        self.to_undo: list[int] = []
        self.unknown: list[int] = []
        self.intent, self.back_to = "", 0
        self.limits, self.gate, self.slots, self.turn, self.later = sorted(set(limits)), "", list[str](), 0, False
        self.at, self.begun, self.waits, self.sent, self.done = 0, False, "", 0, 0
        self.unadmitted = wave
        self.enter()

    # Gates.

    def enter(self) -> None:
        if self.unadmitted:
            self.gate = "admission"
        elif self.limits:
            self.ask()
        else:
            self.begin(self.at)

    def ask(self) -> None:
        self.gate, self.slots, self.turn, self.later = "slot", [self.limits[0]], self.turn + 1, False

    def give_back(self) -> None:
        self.slots, self.later = [], False
        self.gate = "" if self.gate == "slot" else self.gate

    def admit(self, limits: tuple[str, ...]) -> str:
        if self.gate != "admission":
            return IGNORED
        self.gate, self.unadmitted, self.limits = "", False, sorted({*self.limits, *limits})
        if self.mode == "running":
            self.enter()
        return DONE

    def take(self, capacity: str, turn: int) -> str:
        if self.gate != "slot" or turn != self.turn or self.slots[-1:] != [capacity]:
            return IGNORED
        if len(self.slots) < len(self.limits):
            self.slots.append(self.limits[len(self.slots)])
        else:
            self.gate = ""
            self.pass_on()
        return DONE

    def pass_on(self) -> None:
        if self.mode == "held":
            self.try_again()
        else:
            self.mode = "running"
            self.carry_on()

    def lose(self, capacity: str, turn: int, later: bool) -> str:
        if turn != self.turn or capacity not in self.slots or self.mode not in ("running", "paused", "held"):
            return IGNORED
        if self.gate != "slot":
            if self.crossed:
                return IGNORED
            self.mode = "paused"
        if later:
            self.gate, self.slots, self.later = "slot", [], True
        else:
            self.ask()
        return DONE

    # Forward.

    def begin(self, step: int) -> None:
        self.at, self.begun, self.waits, self.sent, self.done = step, True, "", 0, 0
        if step == len(self.steps):
            self.end("completed")
        elif self.steps[step].kind == WAIT:
            self.waits = self.steps[step].wait_for
        elif self.steps[step].chunks:
            self.fill_window()
        else:
            self.hand_out("-")

    def fill_window(self) -> None:
        step = self.steps[self.at]
        while self.sent < step.chunks and len(self.flight) < step.window:
            self.hand_out(str(self.sent))
            self.sent += 1

    def hand_out(self, chunk: str) -> None:
        step = self.steps[self.at]
        self.flight[self.at, chunk, "apply" if step.kind == ACT else "check"] = 1
        self.crossed = self.crossed or step.point_of_no_return
        if step.compensation and self.at not in self.to_undo:
            self.to_undo.append(self.at)

    def step_over(self) -> None:
        if self.mode == "running":
            self.begin(self.at + 1)
        else:
            self.at, self.begun, self.waits, self.sent = self.at + 1, False, "", 0

    def fail(self) -> None:
        if self.crossed or self.hold:
            self.mode, self.waits = "held", ""
            self.give_back()
        else:
            self.stop("rolled_back", 0)

    def end(self, outcome: str) -> None:
        self.mode, self.outcome, self.waits, self.flight, self.broken = "ended", outcome, "", {}, {}
        self.give_back()

    # Reports.

    def report(self, item: Item, attempt: int, round_: int, outcome: str, retryable: bool) -> str:
        if self.flight.get(item) != attempt or round_ != self.round:
            return IGNORED
        again = outcome != "succeeded" and retryable and attempt < self.steps[item[0]].attempts
        if self.mode == "stopping":
            self.settle(item, outcome, again)
        elif again:
            self.flight[item] += 1
        elif self.mode == "rolling_back":
            self.undo_ended(item, outcome == "succeeded")
        else:
            self.work_ended(item, outcome == "succeeded")
        return DONE

    def work_ended(self, item: Item, well: bool) -> None:
        attempt = self.flight.pop(item)
        if not well:
            if self.crossed or self.hold:
                self.broken[item] = attempt
            self.fail()
            return
        if item[1] != "-":
            self.done += 1
            if self.done < self.steps[self.at].chunks:
                if self.mode == "running":
                    self.fill_window()
                return
        self.step_over()

    def wake(self, to_ask: bool) -> None:
        if self.mode == "ended":
            self.mode, self.outcome, self.round, self.crossed = "archived", "archived", 1, False
            self.limits, self.turn, self.gate = [], 0, ""
        elif to_ask:
            self.ask()
        elif self.mode == "stopping":
            looked_at = [item for item in self.flight if self.is_look(item)]
            self.unknown = [step for step in self.unknown if all(step != item[0] for item in looked_at)]
            silent = {item[0] for item in self.flight if item[2] == "apply"}
            self.unknown = sorted({*self.unknown, *silent})
            self.flight = {}
            self.when_at_rest()
        elif self.waits == "time":
            self.step_over()
        else:
            self.begun = False
            self.fail()

    # Back.

    def stop(self, intent: str, back_to: int) -> None:
        self.mode, self.intent, self.back_to, self.waits, self.broken = "stopping", intent, back_to, "", {}
        if self.gate == "slot":
            self.give_back()
        self.gate = ""
        self.when_at_rest()

    def is_look(self, item: Item) -> bool:
        return item[2] == "check" and item[0] in self.unknown

    def settle(self, item: Item, outcome: str, again: bool) -> None:
        look = self.is_look(item)
        if look and again:
            self.flight[item] += 1
            return
        del self.flight[item]
        if look:
            self.unknown.remove(item[0])
        elif outcome == "unknown" and item[2] == "apply" and item[0] not in self.unknown:
            self.unknown.append(item[0])
        self.when_at_rest()

    def when_at_rest(self) -> None:
        if self.flight:
            return
        if self.unknown:
            self.flight = {(step, "-", "check"): 1 for step in self.unknown}
            return
        self.mode = "rolling_back"
        self.undo_next()

    def undo_next(self) -> None:
        left = [step for step in self.to_undo if step >= self.back_to]
        if left:
            self.flight = {(max(left), "-", "undo"): 1}
        elif self.intent in ("retry", "paused"):
            self.round, self.mode = self.round + 1, "running" if self.intent == "retry" else "paused"
            self.at, self.begun, self.waits, self.sent, self.done = self.back_to, False, "", 0, 0
            self.give_back()
            if self.mode == "running":
                self.enter()
        else:
            self.end(self.intent)

    def undo_ended(self, item: Item, well: bool) -> None:
        if not well:
            self.mode, self.broken, self.flight = "stuck", self.flight, {}
            self.give_back()
            return
        self.flight = {}
        self.to_undo.remove(item[0])
        self.undo_next()

    # People.

    def rewinds(self, *intents: str) -> bool:
        return self.mode in ("stopping", "rolling_back", "stuck") and self.intent in intents

    def pause(self) -> str:
        if self.rewinds("retry"):
            self.intent = "paused"
            return DONE
        if self.mode != "running" and not (self.mode == "paused" and self.gate == "slot"):
            return REFUSED
        self.mode = "paused"
        self.give_back()
        return DONE

    def resume(self) -> str:
        if self.rewinds("paused"):
            self.intent = "retry"
            return DONE
        if self.mode != "paused" or self.gate == "slot":
            return REFUSED
        if self.gate == "admission":
            self.mode = "running"
        elif self.limits:
            self.ask()
        else:
            self.mode = "running"
            self.carry_on()
        return DONE

    def carry_on(self) -> None:
        if not self.begun:
            self.begin(self.at)
        elif self.sent:
            self.fill_window()

    def go_back(self, intent: str, back_to: int = 0) -> str:
        if intent != "retry" and self.rewinds("retry", "paused"):
            self.intent, self.back_to = intent, back_to
            return DONE
        if self.mode not in ("running", "paused", "held") or self.crossed:
            return REFUSED
        self.stop(intent, back_to)
        return DONE

    def retry_from(self, name: str) -> str:
        reached = [step.name for step in self.steps[: self.at + 1]]
        return self.go_back("retry", reached.index(name)) if name in reached else REFUSED

    def retry(self) -> str:
        if self.mode not in ("held", "stuck") or self.gate == "slot":
            return REFUSED
        if self.mode == "held" and self.limits:
            self.ask()
        else:
            self.try_again()
        return DONE

    def try_again(self) -> None:
        self.mode = "running" if self.mode == "held" else "rolling_back"
        if self.broken:
            self.flight |= {item: attempt + 1 for item, attempt in self.broken.items()}
            self.broken = {}
        else:
            self.begin(self.at)

    def skip(self) -> str:
        if self.mode != "stuck":
            return REFUSED
        [(step, _, _)] = self.broken
        self.mode, self.broken = "rolling_back", {}
        self.to_undo.remove(step)
        if self.intent in ("retry", "paused"):
            self.intent, self.back_to = "rolled_back", 0
        self.undo_next()
        return DONE

    def approve(self) -> str:
        if self.waits != "approval":
            return REFUSED
        self.step_over()
        return DONE

    def refuse_approval(self) -> str:
        return self.go_back("rolled_back") if self.waits == "approval" else REFUSED
