"""What a go/no-go gate asks for, who has answered, and what it rests on, as lines of `whimbrel show`."""

from typing import Any

from libs.cli.story import facts, micros
from libs.cli.text import duration
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.state import WayBack
from libs.domain.migration.way_back import Closed, closed

Line = tuple[str, str]


def lines(found: dict[str, Any], now: int) -> list[Line]:
    """The gate that a migration awaits approval at, open or closed at a time in microseconds since the epoch; nothing when it awaits none."""
    gate = found["gate"]
    if not gate:
        return []
    shut = _closed(gate, found["reversibility"]["rehearsal"], now) if gate["missing"] else None
    made = [("gate", _wanted(gate)), ("closed", shut[1] if shut else ""), ("approve by", _when(gate["answerBy"]))]
    made += [("approved", _approval(one)) for one in gate["approvals"]]
    made += [("handed on", f"{one['by']} to {one['to']} until {_when(one['until'])}: {one['reason']}") for one in gate["delegations"]]
    if gate["waiver"]:
        made.append(("waived", f"by {gate['waiver']['by']} until {_when(gate['waiver']['until'])}: {gate['waiver']['reason']}"))
    made += [
        ("it rests on", f"{one['step']} {facts(one['facts'])} version {one['version']}, event {one['event']}") for one in found["evidence"]
    ]
    return made


def way_back(found: dict[str, Any]) -> list[Line]:
    """Whether there is a way back, how long, and when it was last rehearsed; nothing once it has ended."""
    back = found["reversibility"]
    if found["ended"]:
        return []
    final, last = back["pointOfNoReturn"], back["rehearsal"]
    if back["crossed"]:
        window = f"none: {final['name']} was begun" if final else "none"
    elif final:
        when = f", not before {_when(back['until'])}" if back["until"] else ""
        left = back["stepsLeft"]
        window = f"until {final['name']} begins, after {left} more step{'' if left == 1 else 's'}{when}"
    else:
        window = "until its end" if found["steps"] else "not planned yet"
    made = [("way back", window)]
    if last:
        made.append(
            (
                "rehearsed",
                f"{'passed' if last['passed'] else 'FAILED'} {_when(last['at'])}, by {last['by']}: {last['reason']} (event {last['event']})",
            )
        )
    elif not back["crossed"]:
        made.append(("rehearsed", "never"))
    return made


def _closed(gate: dict[str, Any], last: dict[str, Any] | None, now: int) -> Closed | None:
    known = WayBack(passed=last["passed"], at=micros(last["at"]), event_id=last["event"]) if last else None
    return closed(known, ApprovalTerms(before="", way_back_max_age_s=gate["wayBackMaxAgeS"]), now)


def _wanted(gate: dict[str, Any]) -> str:
    people = "1 person" if gate["quorum"] == 1 else f"{gate['quorum']} different people"
    role = f" with the role {' or '.join(gate['roles'])}" if gate["roles"] else ""
    back = f", on a passed rehearsal of the way back within {duration(1_000 * gate['wayBackMaxAgeS'])}" if gate["wayBackMaxAgeS"] else ""
    factor = ", with a second factor" if gate["mfa"] else ""
    return f"{gate['name']}: {people}{role}{factor}{back}; {gate['missing']} missing (evidence as of version {gate['evidenceVersion']})"


def _approval(one: dict[str, Any]) -> str:
    behalf = f" for {one['onBehalfOf']}" if one["onBehalfOf"] else ""
    why = f": {one['reason']}" if one["reason"] else ""
    lapses = f", lapses {_when(one['lapsesAt'])}" if one["lapsesAt"] else ""
    return f"by {one['by']}{behalf} at {_when(one['at'])}{lapses}{why}"


def _when(at: str | None) -> str:
    return (at or "")[:19].replace("T", " ")
