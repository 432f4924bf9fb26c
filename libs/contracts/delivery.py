"""Messages of the delivery aggregate: one message to one endpoint by one channel. `webhook-id` is the delivery's id."""

import msgspec

from libs.contracts.stream import Stream
from libs.contracts.work import Work


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be delivered, and where."""

    subscription: str
    """Id of the subscription it answers; empty for a migration's callback URL."""
    channel: str
    """How it is sent: webhook."""
    url: str
    """Endpoint it is sent to."""
    event_type: str
    """Type as subscribers know it, e.g. migration.completed."""
    event_id: str
    """Id of the event that it tells of."""
    migration: str
    """Id of the migration that it tells of."""
    payload: str
    """Body to send, as JSON; under 20 kB."""
    key_generation: int = 1
    """Generation of the signing secret in force when it was requested."""


class RequestDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The notifier matched an event with a subscription. The delivery's id derives from both, so a repeat finds the same one."""

    message: Message
    """What is to be delivered."""


class ReportDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The notifier reports one attempt."""

    work_id: str
    """Work item that this answers."""
    attempt: int
    """Attempt that this answers; a report of another attempt than the pending one is stale."""
    outcome: str
    """delivered, failed (may be tried again) or gone (the endpoint refuses for good)."""
    status_code: int = 0
    """HTTP status received; 0 when no answer came."""
    error: str = ""
    """Why it failed, in one sentence; empty when it was delivered."""
    duration_ms: int = 0
    """How long the attempt took, in milliseconds."""
    retry_after_ms: int = 0
    """Pause that the endpoint asked for, in milliseconds; 0 when it asked for none."""


class ReplayDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """Send it once more, with the same id, whatever became of it."""

    reason: str = ""
    """Why, for the record."""


class DeliveryRequested(msgspec.Struct, frozen=True, kw_only=True):
    """A message is to be delivered."""

    message: Message
    """What is to be delivered."""
    work: Work
    """The work item of the notifier."""


class DeliverySucceeded(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint accepted the message."""

    work_id: str
    """Work item that ended."""
    attempt: int
    """Which attempt it was, from 1."""
    status_code: int
    """HTTP status received."""
    duration_ms: int
    """How long the attempt took, in milliseconds."""


class DeliveryAttemptFailed(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt failed and another follows."""

    status_code: int
    """HTTP status received; 0 when no answer came."""
    error: str
    """Why, in one sentence."""
    duration_ms: int
    """How long the attempt took, in milliseconds."""
    retry: Work
    """The same work with its next attempt and start time."""


class DeliveryFailed(msgspec.Struct, frozen=True, kw_only=True):
    """Given up: attempts exhausted, or the endpoint is gone."""

    work_id: str
    """Work item that ended."""
    attempt: int
    """Which attempt it was, from 1."""
    status_code: int
    """HTTP status received; 0 when no answer came."""
    error: str
    """Why, in one sentence."""
    gone: bool
    """True when the endpoint refused for good."""


class DeliveryReplayed(msgspec.Struct, frozen=True, kw_only=True):
    """An operator had the message sent once more."""

    work: Work
    """The work item of the notifier."""
    reason: str
    """Why."""


class DeliveryState(msgspec.Struct, frozen=True, kw_only=True):
    """What a delivery is now. `evolve` in libs.domain.delivery is the only thing that changes it."""

    stream: Stream = Stream()
    """Version, chain head and answered commands."""
    status: str = ""
    """sending, delivered or failed; empty before it is requested."""
    message: Message | None = None
    """What is to be delivered; null before it is requested."""
    pending: tuple[Work, ...] = ()
    """The attempt that is due, if any."""
    fence: int = 0
    """Fence of the last dispatch."""
    round: int = 0
    """How often it was requested or replayed."""
