"""A drill's result: a table for people, one JSON line for programs."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from libs.testing.drill.checker.findings import CALLBACKS, FENCED, LEAKED, LIMITS, NAMES, STUCK, Findings
from libs.testing.drill.checker.story import Story


class Rehearsed(NamedTuple):
    """What a rehearsal of the run predicted, in seconds since the waves were started (None: the run did not end), and whether it kept its promises."""

    p10_s: float | None
    p90_s: float | None
    hash_stable: bool
    log_unchanged: bool


def line(servers: int, story: Story, findings: Findings, rehearsed: Rehearsed | None, actual_s: float) -> dict[str, Any]:
    """The JSON line of a drill that asked for so many servers; without a rehearsal its members are null."""
    return {
        "servers": servers,
        "completed": len(story.completed),
        "rolled_back": sum(end.kind == "MigrationRolledBack" for end in story.ends.values()),
        "limits_broken": findings.counts[LIMITS],
        "leaked": findings.counts[LEAKED],
        "fenced": findings.counts[FENCED],
        "callback_ids_repeated_with_new_content": findings.counts[CALLBACKS],
        "stuck": findings.counts[STUCK],
        "predicted_p10_s": _rounded(rehearsed.p10_s if rehearsed else None),
        "predicted_p90_s": _rounded(rehearsed.p90_s if rehearsed else None),
        "actual_s": round(actual_s, 1),
        "rehearsal_hash_stable": rehearsed.hash_stable if rehearsed else None,
        "log_unchanged_by_rehearsal": rehearsed.log_unchanged if rehearsed else None,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def clean(found: dict[str, Any], findings: Findings) -> bool:
    """Whether nothing is wrong: no finding, every server ended well, and the rehearsal held."""
    low, high = found["predicted_p10_s"], found["predicted_p90_s"]
    within = low is not None and high is not None and low <= found["actual_s"] <= high
    kept = found["rehearsal_hash_stable"] and found["log_unchanged_by_rehearsal"]
    return findings.clean and found["completed"] + found["rolled_back"] == found["servers"] and bool(within and kept)


def table(story: Story, findings: Findings, counted: dict[str, dict[str, int]]) -> Iterator[str]:
    """Lines for people: what happened, then what is wrong with a few examples each."""
    for title, counts in counted.items():
        if counts:
            yield f"{title + ':':22}" + ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    events = sum(len(found) for streams in story for found in streams.values())
    yield f"{'log:':22}{events} events of {', '.join(f'{len(streams)} {name}' for name, streams in zip(Story._fields, story, strict=True))}"
    for name, words in NAMES.items():
        yield f"{words + ':':90}{findings.counts[name]:>6}"
        yield from (f"    {example}" for example in findings.examples.get(name, ()))
