"""A rehearsal from question to answer: for the command line, the drill, and whoever else asks."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from libs.rehearse.fork import WAVE_KIND, Fork, UnknownWave, alive, chain_of, members_of, narrowed
from libs.rehearse.log import Source, Span, read
from libs.rehearse.named import check
from libs.rehearse.running import runs_of, usual_runs
from libs.rehearse.summing import Document, summed
from libs.rehearse.what_if import WhatIf, touched
from libs.rehearse.what_if import read as what_if_of
from libs.rehearse.world import Case

MOST_MEMBERS = 10_000


class TooMany(ValueError):
    """More members than a rehearsal takes; the message says how many."""


class Question(NamedTuple):
    """What is asked. Without `waves` all that are not over; without `runs` as many as are usual for so many members."""

    waves: tuple[str, ...] = ()
    seed: int = 0
    runs: int = 0
    span: Span = Span()
    """Where the log is forked, and up to where history is learnt."""
    what_if: Any = None
    """Plain data as of a what-if file (docs/rehearse.md); None for no change."""
    processes: int = 1
    """How many processes the runs are shared among; the answer is the same. Only from a program that may be imported again."""


def _silent(what: str, done: int, of: int) -> None:
    """Tell nobody."""


def rehearse(source: Source, question: Question, told: Callable[[str, int, int], None] = _silent) -> Document:
    """The answer to a question, as docs/rehearse.md describes it. Reads Kafka and writes nothing, nowhere.

    `told` hears what is done ("events read" or "runs"), how much of it, and of how much (0 when nobody knows).
    Raises UnknownWave, TooMany, CannotStart, BadWhatIf, BadPosition, Misconfigured, KafkaException, TimeoutError.
    """
    fork = read(source, question.span, question.waves, lambda count: told("events read", count, 0))
    return ask(fork, question, lambda count, of: told("runs", count, of))


def ask(fork: Fork, question: Question, told: Callable[[int, int], None] = lambda count, of: None) -> Document:
    """The answer from a fork that was read before. Raises UnknownWave, TooMany, CannotStart, BadWhatIf."""
    what_if = what_if_of(question.what_if, fork.at) if question.what_if is not None else WhatIf()
    check(fork, what_if)
    waves = question.waves or tuple(alive(fork))
    if not waves:
        raise UnknownWave("there is no wave that is not over")
    planned = {one.aggregate for one in what_if.commands if one.kind == "wave"}
    chain = chain_of(fork, waves, may_be_new=planned)
    members = _bounded(fork, chain)
    needed = [*((WAVE_KIND, name) for name in chain), *touched(what_if)]
    case = Case(narrowed(fork, needed), waves, what_if, question.seed)
    runs = question.runs or usual_runs(members)
    return summed(case, runs_of(case, runs, question.processes, lambda count: told(count, runs)))


def _bounded(fork: Fork, waves: Sequence[str]) -> int:
    members = sum(len(members_of(fork.wave(name))) for name in waves)
    if members > MOST_MEMBERS:
        raise TooMany(f"the waves have {members:,} members together with those before them; a rehearsal takes {MOST_MEMBERS:,}")
    return members
