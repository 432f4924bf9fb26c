"""Every message there is: its model, its schema file, the topic it travels on. One row a message; nothing registers itself."""

from typing import Any

import msgspec

from libs.contracts import capacity, delivery, operations, refusal, subscription, work
from libs.contracts.envelope import CommandEnvelope, EventEnvelope
from libs.contracts.migration import approvals, commands, events, gates, plan, request, rewinding, state, way_back
from libs.contracts.wave import commands as wave_commands
from libs.contracts.wave import events as wave_events
from libs.contracts.wave import plan as wave_plan
from libs.contracts.wave import state as wave_state

COMMAND, EVENT, STATE, VALUE = "command", "event", "state", "value"
_ENVELOPES: dict[str, type | None] = {COMMAND: CommandEnvelope, EVENT: EventEnvelope, STATE: None, VALUE: None}


class Message(msgspec.Struct, frozen=True):
    """One message of one aggregate. `topic` is a name of `libs.contracts.topics`; empty for a value inside other messages."""

    model: type[Any]
    role: str
    topic: str
    folder: str
    version: int = 1

    @property
    def name(self) -> str:
        """Record name, e.g. StepSucceeded."""
        return self.model.__name__

    @property
    def envelope(self) -> type | None:
        """Envelope that the record carries in its first field; None for state and values."""
        return _ENVELOPES[self.role]

    @property
    def schema_path(self) -> str:
        """Path of the schema file from the root of the repository."""
        return f"schemas/{self.folder}/{self.name}.v{self.version}.avsc"


def _rows(folder: str, role: str, topic: str, *models: type[Any]) -> tuple[Message, ...]:
    return tuple(Message(model, role, topic, folder) for model in models)


MESSAGES: tuple[Message, ...] = (
    *_rows("migration", VALUE, "", request.Request, plan.Plan),
    *_rows(
        "migration",
        COMMAND,
        "migration.commands",
        commands.RequestMigration,
        commands.ReportPlan,
        commands.WakeMigration,
        commands.PauseMigration,
        commands.ResumeMigration,
        commands.CancelMigration,
        commands.RollBackMigration,
        commands.RetryMigration,
        commands.SkipCompensation,
        commands.ApproveMigration,
        commands.RefuseApproval,
        approvals.DelegateApproval,
        approvals.WaiveApproval,
        way_back.RecordWayBack,
        way_back.NoteWayBack,
        work.ReportWork,
        gates.AdmitMigration,
        gates.TakeSlot,
        gates.LoseSlot,
    ),
    *_rows(
        "migration",
        EVENT,
        "migration.events",
        events.MigrationRequested,
        events.MigrationRejected,
        events.MigrationPlanned,
        gates.AdmissionAwaited,
        gates.MigrationAdmitted,
        gates.AdmissionDeclined,
        gates.SlotRequested,
        gates.SlotTaken,
        gates.SlotLost,
        gates.SlotsReleased,
        events.WorkDispatched,
        events.ChunkSucceeded,
        events.StepSucceeded,
        events.AttemptFailed,
        events.StepFailed,
        events.WaitStarted,
        events.ApprovalRequested,
        events.ApprovalGiven,
        approvals.ApprovalDelegated,
        approvals.ApprovalWaived,
        approvals.ApprovalLapsed,
        way_back.WayBackRehearsed,
        events.MigrationPaused,
        events.MigrationResumed,
        events.RetryRequested,
        events.StopRequested,
        rewinding.RewindOverruled,
        events.WorkSettled,
        events.RollbackStarted,
        events.StepCompensated,
        events.RollbackStuck,
        events.CompensationSkipped,
        rewinding.RewindCompleted,
        events.MigrationRolledBack,
        events.MigrationCancelled,
        events.MigrationCompleted,
        events.MigrationArchived,
        refusal.CommandRefused,
    ),
    *_rows("migration", STATE, "migration.state", state.MigrationState),
    *_rows("delivery", COMMAND, "delivery.commands", delivery.RequestDelivery, delivery.ReportDelivery, delivery.ReplayDelivery),
    *_rows(
        "delivery",
        EVENT,
        "delivery.events",
        delivery.DeliveryRequested,
        delivery.DeliverySucceeded,
        delivery.DeliveryAttemptFailed,
        delivery.DeliveryFailed,
        delivery.DeliveryReplayed,
        refusal.CommandRefused,
    ),
    *_rows("delivery", STATE, "delivery.state", delivery.DeliveryState),
    *_rows(
        "subscription",
        COMMAND,
        "subscription.commands",
        subscription.CreateSubscription,
        subscription.ChangeSubscription,
        subscription.DisableSubscription,
        subscription.EnableSubscription,
        subscription.RotateSecret,
        subscription.DeleteSubscription,
    ),
    *_rows(
        "subscription",
        EVENT,
        "subscription.events",
        subscription.SubscriptionCreated,
        subscription.SubscriptionChanged,
        subscription.SubscriptionDisabled,
        subscription.SubscriptionEnabled,
        subscription.SecretRotated,
        subscription.SubscriptionDeleted,
        refusal.CommandRefused,
    ),
    *_rows("subscription", STATE, "subscription.state", subscription.SubscriptionState),
    *_rows("capacity", VALUE, "", capacity.CapacitySettings),
    *_rows(
        "capacity",
        COMMAND,
        "capacity.commands",
        capacity.SetCapacity,
        capacity.OverrideFreeze,
        capacity.AcquireSlot,
        capacity.ReleaseSlot,
        capacity.WakeCapacity,
    ),
    *_rows(
        "capacity",
        EVENT,
        "capacity.events",
        capacity.CapacitySet,
        capacity.FreezeOverridden,
        capacity.SlotQueued,
        capacity.SlotGranted,
        capacity.SlotFreed,
        capacity.SlotRevoked,
        capacity.SlotRefused,
        capacity.OpeningMissed,
        refusal.CommandRefused,
    ),
    *_rows("capacity", STATE, "capacity.state", capacity.CapacityState),
    *_rows("wave", VALUE, "", wave_plan.Roster),
    *_rows(
        "wave",
        COMMAND,
        "wave.commands",
        wave_commands.PlanWave,
        wave_commands.AddMembers,
        wave_commands.StartWave,
        wave_commands.PauseWave,
        wave_commands.ResumeWave,
        wave_commands.CancelWave,
        wave_commands.RollBackWave,
        wave_commands.NoteMember,
        wave_commands.NoteWave,
        wave_commands.ContinueWave,
    ),
    *_rows(
        "wave",
        EVENT,
        "wave.events",
        wave_events.WavePlanned,
        wave_events.MembersAdded,
        wave_events.WaveStarted,
        wave_events.WaveFollowed,
        wave_events.PredecessorCompleted,
        wave_events.MembersAdmitted,
        wave_events.MemberNoted,
        wave_events.MembersTold,
        wave_events.WaveStopped,
        wave_events.WavePaused,
        wave_events.WaveResumed,
        wave_events.WaveCancelled,
        wave_events.WaveRollbackStarted,
        wave_events.WaveRolledBack,
        wave_events.WaveCompleted,
        refusal.CommandRefused,
    ),
    *_rows("wave", STATE, "wave.state", wave_state.WaveState),
    *_rows("operations", STATE, "progress", operations.ProgressReported),
    *_rows("operations", STATE, "dead-letters", operations.DeadLetter, operations.DeadLetterResolved),
)
