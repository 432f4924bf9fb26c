"""A go/no-go gate as a cause: how many must still approve, who may, until when, and what it rests on."""

from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration.state import WayBack
from libs.domain.holdup.cause import OPERATOR, PERSON, ROLE, Ask, Cause, Event, cause, listed
from libs.domain.holdup.standing import Standing
from libs.domain.migration.approvals import ANY, SECOND
from libs.domain.migration.way_back import closed


def waits_for_approval(found: Standing, asked: Event, now: int) -> Cause:
    """The cause that an ApprovalRequested is, with the answers given so far and what it rests on."""
    body, terms = asked.body, asked.body.terms or ANY
    given = [one for one in found.answers if isinstance(one.body, e.ApprovalGiven)]
    waivers = [one for one in found.answers if isinstance(one.body, a.ApprovalWaived)]
    handed = [one for one in found.answers if isinstance(one.body, a.ApprovalDelegated)]
    lapses = [one for one in found.answers if isinstance(one.body, a.ApprovalLapsed)]
    missing = 0 if waivers else max(0, terms.quorum - len(given))
    ask = [Ask(ROLE, role) for role in terms.roles or (OPERATOR,)] + [Ask(PERSON, one.body.to) for one in handed]
    rests_on = [found.checks[step] for step in sorted(found.checks)]
    rehearsal = found.way_back if terms.way_back_max_age_s else None
    since = found.evidence_since or asked
    rests_on += [rehearsal] if rehearsal else []
    rests_on += [since] if since not in (asked, rehearsal) else []
    shut = closed(_known(rehearsal), terms, now) if missing else None
    details = {"step": body.name, "missing": missing, "quorum": terms.quorum, "evidenceVersion": since.body.evidence_version}
    return cause(
        "approval",
        _reason(body.name, missing, terms, [one.body.by for one in given], waivers, lapses)
        + (f"; it is closed: {shut[1]}" if shut else ""),
        [asked, *found.answers, *rests_on],
        ask if missing else [],
        until=_until(body, missing, [*given, *waivers], lapses, rehearsal),
        details=details | ({"closed": shut[0]} if shut else {}),
    )


def _known(rehearsal: Event | None) -> WayBack | None:
    if rehearsal is None:
        return None
    return WayBack(passed=rehearsal.body.passed, at=rehearsal.body.at, event_id=rehearsal.body.event_id)


def _reason(name: str, missing: int, terms: a.ApprovalTerms, given: list[str], waivers: list[Event], lapses: list[Event]) -> str:
    if waivers:
        return f"{name} was waived by {waivers[-1].body.by} and is passed once it goes on"
    if not missing:
        return f"{name} was approved by {listed(given)} and is passed once it goes on"
    who = "a person" if missing == 1 else f"{missing} people"
    if given:
        who = f"{missing} more of {terms.quorum} people"
    role = f" with the role {' or '.join(terms.roles)}" if terms.roles else ""
    so_far = f"; {listed(given)} approved" if given else ""
    lapsed = f"; what {listed(list(lapses[-1].body.approvers))} said has lapsed: {lapses[-1].body.reason}" if lapses else ""
    return f"{name} waits for {who}{role} to approve what follows{so_far}{lapsed}"


def _until(body: e.ApprovalRequested, missing: int, passing: list[Event], lapses: list[Event], rehearsal: Event | None) -> int:
    """When it is given up, or what was said lapses."""
    if missing:
        found: int = lapses[-1].body.answer_by if lapses else body.expires_at
        return found
    ends = [one.body.until if isinstance(one.body, a.ApprovalWaived) else one.body.lapses_at for one in passing]
    if rehearsal and body.terms and any(isinstance(one.body, e.ApprovalGiven) for one in passing):
        ends.append(rehearsal.body.at + body.terms.way_back_max_age_s * SECOND)
    return min(filter(None, ends), default=0)
