"""A go/no-go gate as a cause: how many must still approve, who may, until when, and what it rests on."""

from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.domain.holdup.cause import OPERATOR, PERSON, ROLE, Ask, Cause, Event, cause, listed
from libs.domain.holdup.standing import Standing
from libs.domain.migration.approvals import ANY


def waits_for_approval(found: Standing, asked: Event) -> Cause:
    """The cause that an ApprovalRequested is, with the answers given so far and the checks that it rests on."""
    body, terms = asked.body, asked.body.terms or ANY
    given = [one for one in found.answers if isinstance(one.body, e.ApprovalGiven)]
    waivers = [one for one in found.answers if isinstance(one.body, a.ApprovalWaived)]
    handed = [one for one in found.answers if isinstance(one.body, a.ApprovalDelegated)]
    lapses = [one for one in found.answers if isinstance(one.body, a.ApprovalLapsed)]
    missing = 0 if waivers else max(0, terms.quorum - len(given))
    ask = [Ask(ROLE, role) for role in terms.roles or (OPERATOR,)] + [Ask(PERSON, one.body.to) for one in handed]
    checks = [found.checks[step] for step in sorted(found.checks)]
    details = {"step": body.name, "missing": missing, "quorum": terms.quorum, "evidenceVersion": body.evidence_version}
    return cause(
        "approval",
        _reason(body.name, missing, terms, [one.body.by for one in given], waivers, lapses),
        [asked, *found.answers, *checks],
        ask if missing else [],
        until=_until(body, missing, [*given, *waivers], lapses),
        details=details,
    )


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


def _until(body: e.ApprovalRequested, missing: int, passing: list[Event], lapses: list[Event]) -> int:
    """When it is given up, or what was said lapses."""
    if missing:
        found: int = lapses[-1].body.answer_by if lapses else body.expires_at
        return found
    ends = [one.body.until if isinstance(one.body, a.ApprovalWaived) else one.body.lapses_at for one in passing]
    return min(filter(None, ends), default=0)
