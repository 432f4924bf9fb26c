"""What no longer counts at a gate: the migration did not go on in time, or the way back is no longer known to work."""

from libs.contracts.migration.approvals import ApprovalLapsed
from libs.contracts.migration.state import Approvals
from libs.contracts.migration.state import MigrationState as State
from libs.domain.migration.approvals import EXPIRED, WAIVER_EXPIRED, missing
from libs.domain.migration.evolving import plan_from
from libs.domain.migration.way_back import Closed, closed


def lapsing(state: State, now: int) -> list[ApprovalLapsed]:
    """Approvals, and the waiver, that count no longer at a moment; none where nothing changes."""
    gate = state.approvals
    if gate is None:
        return []
    late = tuple(one.by for one in gate.given if 0 < one.lapses_at <= now)
    reason, evidence, code = f"the migration did not go on within {gate.terms.expires_s:,} s of the approval", "", EXPIRED
    why = closed(state.way_back, gate.terms, now)
    if why is not None:
        late, (code, reason, evidence) = tuple(one.by for one in gate.given), why
    waiver = (gate.waived_by,) if gate.waived_by and gate.waived_until <= now else ()
    return [
        *_lapsed(state, gate, (code, reason, evidence), late, now),
        *_lapsed(state, gate, (WAIVER_EXPIRED, "the migration did not go on before the waiver ended", ""), waiver, now),
    ]


def _lapsed(state: State, gate: Approvals, why: Closed, approvers: tuple[str, ...], now: int) -> list[ApprovalLapsed]:
    if not approvers:
        return []
    step = plan_from(state.plan).steps[state.step]
    # Once enough had approved nobody was waited for, so the time to answer begins anew.
    anew = now + step.wait_ms * 1_000 if step.wait_ms else 0
    answer_by = gate.answer_by if missing(gate) else anew
    code, reason, evidence = why
    return [
        ApprovalLapsed(
            step=state.step, name=step.name, code=code, reason=reason, approvers=approvers, answer_by=answer_by, evidence=evidence
        )
    ]
