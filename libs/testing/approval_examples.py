"""Examples of everything that is said at a go/no-go gate."""

from typing import Any

from libs.contracts.migration import approvals as a
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration import way_back as w
from libs.contracts.migration.state import Approvals, Approver, Delegation, WayBack
from libs.testing.given_when_then import NOW as AT
from libs.testing.given_when_then import SECOND

TERMS = a.ApprovalTerms(
    before="drop_source", roles=("dba",), quorum=2, mfa=True, expires_s=3_600, answer_within_s=86_400, way_back_max_age_s=604_800
)
AT_GATE = Approvals(
    terms=TERMS,
    evidence_version=12,
    answer_by=AT + 86_400 * SECOND,
    given=(Approver(by="subject-4", right_of="subject-3", lapses_at=AT + 3_600 * SECOND),),
    delegated=(Delegation(by="subject-3", to="subject-4", until=AT + 3_600 * SECOND),),
    waived_by="subject-5",
    waived_until=AT + 3_600 * SECOND,
)
"""A gate at which somebody has approved."""
REHEARSED = WayBack(passed=True, at=AT - 3_600 * SECOND, event_id="0f3a5c")
ANSWERS: tuple[Any, ...] = (
    w.RecordWayBack(passed=True, at=AT - 3_600 * SECOND, evidence="rolled back on the copy of last night, see the minutes"),
    w.NoteWayBack(passed=False, at=AT, by="mig-8", provider="postgres", reason="mig-8 went back from switch: 1 compensations were skipped"),
    w.WayBackRehearsed(
        passed=True,
        at=AT - 3_600 * SECOND,
        rehearsed_by="mig-8",
        reason="mig-8 went back from switch: everything was undone",
        event_id="0f3a5c",
        evidence_version=12,
    ),
    c.ApproveMigration(
        reason="rehearsed twice", on_behalf_of="subject-3", evidence_version=12, roles=("approver", "dba"), second_factor="amr=otp"
    ),
    a.DelegateApproval(to="subject-4", until=AT + 3_600 * SECOND, reason="on leave", roles=("operator",), second_factor="amr=otp"),
    a.WaiveApproval(reason="nobody of the board is awake", until=AT + 3_600 * SECOND, roles=("admin",), second_factor="amr=mfa"),
    e.ApprovalRequested(step=3, name="sign_off", expires_at=AT + 86_400 * SECOND, terms=TERMS, evidence_version=12),
    e.ApprovalGiven(
        step=3,
        name="sign_off",
        reason="rehearsed twice",
        by="subject-4",
        right_of="subject-3",
        missing=1,
        lapses_at=AT + 3_600 * SECOND,
        evidence_version=12,
        second_factor="amr=otp",
    ),
    a.ApprovalDelegated(step=3, name="sign_off", by="subject-3", to="subject-4", until=AT + 3_600 * SECOND, reason="on leave"),
    a.ApprovalWaived(
        step=3,
        name="sign_off",
        by="subject-5",
        until=AT + 3_600 * SECOND,
        reason="nobody of the board is awake",
        missing=1,
        second_factor="amr=mfa",
    ),
    a.ApprovalLapsed(
        step=3,
        name="sign_off",
        code="expired",
        reason="the migration did not go on within 3,600 s of the approval",
        approvers=("subject-4",),
        answer_by=AT + 90_000 * SECOND,
    ),
)
"""An example of each command and event."""
