"""Messages of the subscription aggregate: who wants to be told of which events, and where."""

import msgspec

from libs.contracts.stream import Stream


class Interest(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted, and where they go."""

    url: str
    """Endpoint that is told."""
    event_types: tuple[str, ...]
    """Types wanted, e.g. migration.completed; a trailing * matches every type that begins so."""
    channel: str = "webhook"
    """How they are sent: webhook."""
    description: str = ""
    """What it is for, for people."""


class CreateSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Ask to be told of events."""

    interest: Interest
    """What is wanted."""


class ChangeSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Replace what is wanted."""

    interest: Interest
    """What is wanted from now on."""


class DisableSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Stop telling, but keep the subscription."""

    reason: str
    """Why."""


class EnableSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Go on telling."""

    reason: str = ""
    """Why."""


class RotateSecret(msgspec.Struct, frozen=True, kw_only=True):
    """Sign with a new secret, and for the overlap with the old one as well."""

    reason: str = ""
    """Why."""


class DeleteSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """End it for good."""

    reason: str = ""
    """Why."""


class SubscriptionCreated(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is told of events from now on."""

    interest: Interest
    """What is wanted."""
    since: int
    """Events recorded before this moment are not told, in microseconds since the epoch."""


class SubscriptionChanged(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted was replaced."""

    interest: Interest
    """What is wanted from now on."""


class SubscriptionDisabled(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is told until it is enabled again."""

    reason: str
    """Why."""


class SubscriptionEnabled(msgspec.Struct, frozen=True, kw_only=True):
    """Events are told again."""

    reason: str
    """Why."""
    since: int
    """Events recorded before this moment are not told, in microseconds since the epoch."""


class SecretRotated(msgspec.Struct, frozen=True, kw_only=True):
    """Messages are signed with a new secret."""

    generation: int
    """Generation of the new secret, from 1."""
    overlap_until: int
    """Until when the old secret signs as well, in microseconds since the epoch."""


class SubscriptionDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """It has ended for good."""

    reason: str
    """Why."""


class SubscriptionState(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription is now. `evolve` in libs.domain.subscription is the only thing that changes it."""

    stream: Stream = Stream()
    """Version, chain head and answered commands."""
    status: str = ""
    """active, disabled or deleted; empty before it is created."""
    interest: Interest | None = None
    """What is wanted; null before it is created."""
    generation: int = 1
    """Generation of the signing secret."""
    overlap_until: int = 0
    """Until when the previous secret signs as well, in microseconds since the epoch."""
    since: int = 0
    """Events recorded before this moment are not told, in microseconds since the epoch."""
