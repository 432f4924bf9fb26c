"""Every policy there is, by the type of event that it follows from. One row an event; nothing registers itself."""

from libs.contracts import capacity as c
from libs.contracts.migration import events as e
from libs.contracts.migration import gates as g
from libs.contracts.migration.rewinding import RewindCompleted
from libs.contracts.refusal import CommandRefused
from libs.contracts.wave import events as w
from libs.domain.policy import Policies, Policy, both
from libs.domain.rehearsal_policies import gone_back
from libs.domain.slot_policies import ask, asked_too_many, give_back, granted, revoked
from libs.domain.wave_policies import admit, call, completed, follow, followed, note, refused

POLICIES: Policies = {
    g.SlotRequested: Policy("ask-for-slot", ask),
    g.SlotsReleased: Policy("give-back-slots", give_back),
    c.SlotGranted: Policy("take-slot", granted),
    c.SlotRevoked: Policy("lose-slot", revoked),
    c.SlotRefused: Policy("ask-for-slot-later", asked_too_many),
    g.AdmissionAwaited: Policy("note-waiting", note("waiting")),
    g.AdmissionDeclined: Policy("note-undeclared", note("undeclared")),
    g.MigrationAdmitted: Policy("note-begun", note("begun")),
    e.StepFailed: Policy("note-failed", note("failed")),
    e.RetryRequested: Policy("note-running", note("running")),
    RewindCompleted: Policy("note-rewound", note("running")),
    e.RollbackStuck: Policy("note-stuck", both(note("stuck"), gone_back)),
    e.MigrationRejected: Policy("note-rejected", note("rejected")),
    e.MigrationRolledBack: Policy("note-rolled-back", both(note("rolled_back"), gone_back)),
    e.MigrationCancelled: Policy("note-cancelled", both(note("cancelled"), gone_back)),
    e.MigrationCompleted: Policy("note-completed", note("completed")),
    CommandRefused: Policy("note-refused", refused),
    w.MembersAdmitted: Policy("admit-members", admit),
    w.MembersTold: Policy("tell-members", call),
    w.WavePlanned: Policy("follow-waves", follow),
    w.WaveStarted: Policy("follow-waves-at-start", follow),
    w.WaveResumed: Policy("follow-waves-at-resume", follow),
    w.WaveFollowed: Policy("answer-follower", followed),
    w.WaveCompleted: Policy("tell-followers", completed),
}
