"""Rehearsals of the way back: what is known of the last one, and whether a gate is closed without a better one."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.state import MigrationState as State
from libs.contracts.migration.state import WayBack
from libs.contracts.migration.way_back import WayBackRehearsed
from libs.domain.migration.approvals import SECOND, at_gate

MISSING, FAILED, TOO_OLD = "way_back_missing", "way_back_failed", "way_back_too_old"
Closed = tuple[str, str, str]
"""Code, reason, and id of the event that it comes from; empty where there is none."""


def closed(known: WayBack | None, terms: ApprovalTerms, now: int) -> Closed | None:
    """Why a gate with these terms is closed; None when it is not."""
    if not terms.way_back_max_age_s:
        return None
    if known is None:
        return MISSING, "the way back has not been rehearsed; rehearse it, or record where that was done", ""
    if not known.passed:
        return FAILED, f"the last rehearsal of the way back failed (event {known.event_id}); rehearse it again", known.event_id
    if known.at + terms.way_back_max_age_s * SECOND <= now:
        limit = f"{terms.way_back_max_age_s:,} s"
        return (
            TOO_OLD,
            f"the last rehearsal of the way back is older than {limit} (event {known.event_id}); rehearse it again",
            known.event_id,
        )
    return None


def _rehearsed(state: State, event: WayBackRehearsed) -> State:
    known, gate = state.way_back, state.approvals
    if known is None or known.at <= event.at:  # of one recorded late, what was rehearsed since counts
        state = replace(state, way_back=WayBack(passed=event.passed, at=event.at, event_id=event.event_id))
    return state if gate is None else at_gate(state, replace(gate, evidence_version=event.evidence_version))


CHANGES: dict[type[Any], Callable[[State, Any], State]] = {WayBackRehearsed: _rehearsed}
"""Part of `evolve`."""
