"""Many runs as one answer: distributions, probabilities, and a hash over all of it. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

import msgspec

from libs.rehearse.draws import Basis
from libs.rehearse.fork import MIGRATION, request_of
from libs.rehearse.history import Key
from libs.rehearse.outcome import Outcome
from libs.rehearse.world import Case

Document = dict[str, Any]
SHOWN = 1_000
"""Members that each list of the answer names at most; `..._count` counts them all."""
_LEVELS = (("p10", 0.1), ("p50", 0.5), ("p90", 0.9))


def summed(case: Case, outcomes: Sequence[Outcome]) -> Document:
    """The answer. Times are RFC 3339, `_s` is seconds from the fork; null where the run it stands for did not end."""
    fork, runs = case.fork, len(outcomes)
    late = Counter(name for outcome in outcomes for name in outcome.late)
    resting = Counter((name, status) for outcome in outcomes for name, status in outcome.resting.items())
    answer = {
        "wave": case.waves[0],
        "waves": [_wave(case, name, outcomes) for name in case.waves],
        "position": fork.position,
        "learnt_at": fork.learnt_at,
        "forked_at": _time(fork.at),
        "tenant": fork.tenant,
        "seed": case.seed,
        "runs": runs,
        "members": sum(outcomes[0].ends.values()),
        "started": case.to_start(),
        "chain": case.chain(),
        "finish": {name: _time(at) for name, at in _levels([o.finished for o in outcomes])},
        "finish_s": {name: _seconds(at, fork.at) for name, at in _levels([o.finished for o in outcomes])},
        "unfinished_runs": sum(not outcome.finished for outcome in outcomes),
        "ends": _ends(outcomes),
        "due_breached": [_breach(case, name, count / runs) for name, count in _first(late)],
        "due_breached_count": len(late),
        "not_ended": [
            {"migration": name, "status": status, "probability": _share(count / runs)} for (name, status), count in _first(resting)
        ],
        "not_ended_count": len({name for name, _ in resting}),
        "peak": _peak(outcomes),
        "told": _told(outcomes),
        "refused": _refused(case, outcomes),
        "samples": _samples(outcomes),
        "truncated": any(outcome.truncated for outcome in outcomes),
        "truncated_runs": sum(outcome.truncated for outcome in outcomes),
        "events": sum(outcome.events for outcome in outcomes),
    }
    return answer | {"hash": _hash(answer, outcomes)}


def _hash(answer: Document, outcomes: Sequence[Outcome]) -> str:
    """Over the answer and every event of every run."""
    text = msgspec.json.encode([answer, [outcome.digest for outcome in outcomes]], order="deterministic")
    return hashlib.sha256(text).hexdigest()


def nearest(values: Iterable[float], share: float) -> float:
    """The value below or at which this share of values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share - 1e-9) - 1)]


def _levels(moments: Sequence[int]) -> list[tuple[str, int]]:
    """p10, p50 and p90 of moments; 0, for a run that did not end, is later than all others."""
    ends = [moment or float("inf") for moment in moments]
    return [(name, 0 if (at := nearest(ends, share)) == float("inf") else int(at)) for name, share in _LEVELS]


def _time(at: int) -> str | None:
    if not at:
        return None
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1_000_000:06d}Z"


def _seconds(at: int, fork: int) -> float | None:
    return round((at - fork) / 1_000_000, 3) if at else None


def _share(value: float) -> float:
    return round(value, 4)


def _first(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]


def _wave(case: Case, name: str, outcomes: Sequence[Outcome]) -> Document:
    levels = _levels([outcome.waves[name] for outcome in outcomes])
    finish_s = {level: _seconds(at, case.fork.at) for level, at in levels}
    return {"wave": name, "finish": {level: _time(at) for level, at in levels}, "finish_s": finish_s}


def _spread(values: Sequence[float]) -> Document:
    return {"p50": nearest(values, 0.5), "p90": nearest(values, 0.9), "max": max(values)}


def _ends(outcomes: Sequence[Outcome]) -> Document:
    names = sorted({name for outcome in outcomes for name in outcome.ends})
    return {name: _spread([outcome.ends[name] for outcome in outcomes]) for name in names}


def _breach(case: Case, name: str, probability: float) -> Document:
    state = case.fork.states.get((MIGRATION, name))
    due_at = request_of(state).due_at if state is not None else 0
    return {"migration": name, "due_at": _time(due_at), "probability": _share(probability)}


def _peak(outcomes: Sequence[Outcome]) -> Document:
    names = sorted({name for outcome in outcomes for name in outcome.held})
    return {
        "running": _spread([outcome.running for outcome in outcomes]),
        "capacities": {name: _spread([outcome.held.get(name, 0) for outcome in outcomes]) for name in names},
    }


def _told(outcomes: Sequence[Outcome]) -> Document:
    def counted(kind: str, label: str) -> list[Document]:
        names = sorted({name for outcome in outcomes for of, name in outcome.told if of == kind})
        return [{label: name, "deliveries": _spread([o.told[kind, name] for o in outcomes])} for name in names]

    total = _spread([sum(outcome.told.values()) for outcome in outcomes])
    return {
        "deliveries": total,
        "channels": {"webhook": total} if total["max"] else {},
        "subscriptions": counted("subscription", "subscription"),
        "callbacks": counted("callback", "url"),
    }


def _refused(case: Case, outcomes: Sequence[Outcome]) -> list[Document]:
    counts = Counter(refused for outcome in outcomes for refused in outcome.refused)
    found = []
    for (number, message), count in sorted(counts.items()):
        command = case.what_if.commands[number]
        found.append({"command": command.command.__name__, "id": command.aggregate, "message": message, "runs": count})
    return found


def _samples(outcomes: Sequence[Outcome]) -> list[Document]:
    bases: dict[Key, Basis] = {}
    for outcome in outcomes:
        bases |= outcome.bases
    return [key._asdict() | {"samples": basis.samples, "of": basis.given} for key, basis in sorted(bases.items())]
