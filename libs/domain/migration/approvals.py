"""The gate that a migration awaits approval at: what counts there, until when, and what each event changes.

Nothing is kept of a gate that is passed, or that the migration turned back at.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from libs.contracts.migration import approvals as a
from libs.contracts.migration import events as e
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.state import Approvals, Approver, Delegation
from libs.contracts.migration.state import MigrationState as State

ANY = ApprovalTerms()
"""Terms of a gate that asks for nothing but a yes."""
SECOND = 1_000_000
EXPIRED, WAIVER_EXPIRED = "expired", "waiver_expired"


def missing(gate: Approvals) -> int:
    """How many approvals the gate lacks."""
    return 0 if gate.waived_by else max(0, gate.terms.quorum - len(gate.given))


def lasting(gate: Approvals) -> bool:
    """Whether what lets it pass counts for ever."""
    return not gate.waived_by and not gate.terms.expires_s and not gate.terms.way_back_max_age_s


def evidence(gate: Approvals) -> dict[str, Any]:
    """Who let it pass, as evidence of the step."""
    return {"waived_by": gate.waived_by} if gate.waived_by else {"approved_by": ", ".join(one.by for one in gate.given)}


def _wake_at(state: State, gate: Approvals) -> int:
    """When time changes something next; 0 for never."""
    ends = [one.lapses_at for one in gate.given]
    if gate.given and state.way_back is not None and gate.terms.way_back_max_age_s:
        ends.append(state.way_back.at + gate.terms.way_back_max_age_s * SECOND)
    ends.append(gate.waived_until if gate.waived_by else 0)
    ends.append(gate.answer_by if missing(gate) else 0)
    return min(filter(None, ends), default=0)


def at_gate(state: State, gate: Approvals) -> State:
    """The state at the gate, to be woken in time. While it also waits to ask for slots, the sooner of both wakes it."""
    wake_at = _wake_at(state, gate)
    waits = state.gates
    if waits is None or not waits.ask_at:
        return replace(state, approvals=gate, wake_at=wake_at)
    sooner = min(filter(None, (wake_at, waits.ask_at)))
    return replace(state, approvals=gate, wake_at=sooner, gates=replace(waits, until=wake_at))


def _changed(state: State, **changes: Any) -> State:
    return at_gate(state, replace(state.approvals or Approvals(terms=ANY), **changes))


def _requested(state: State, event: e.ApprovalRequested) -> State:
    state = replace(state, mode="running", status="awaiting_approval", step=event.step, awaiting="approval")
    return at_gate(state, Approvals(terms=event.terms or ANY, evidence_version=event.evidence_version, answer_by=event.expires_at))


def _given(state: State, event: e.ApprovalGiven) -> State:
    given = state.approvals.given if state.approvals else ()
    return _changed(state, given=(*given, Approver(by=event.by, right_of=event.right_of or event.by, lapses_at=event.lapses_at)))


def _delegated(state: State, event: a.ApprovalDelegated) -> State:
    others = (one for one in (state.approvals.delegated if state.approvals else ()) if one.by != event.by)
    return _changed(state, delegated=(*others, Delegation(by=event.by, to=event.to, until=event.until)))


def _lapsed(state: State, event: a.ApprovalLapsed) -> State:
    gate = state.approvals or Approvals(terms=ANY)
    if event.code == WAIVER_EXPIRED:
        return _changed(state, waived_by="", waived_until=0, answer_by=event.answer_by)
    return _changed(state, given=tuple(one for one in gate.given if one.by not in event.approvers), answer_by=event.answer_by)


CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    e.ApprovalRequested: _requested,
    e.ApprovalGiven: _given,
    a.ApprovalDelegated: _delegated,
    a.ApprovalWaived: lambda state, event: _changed(state, waived_by=event.by, waived_until=event.until),
    a.ApprovalLapsed: _lapsed,
}
"""Part of `evolve`."""
