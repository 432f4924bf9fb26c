"""Messages of the capacity aggregate: who may run at once, how many may start a minute, and when (O22).

A capacity is named by its limit key, e.g. `calendar/prod`, `limit/host=esx-1` or `rate/starts`; its holders are
migrations. Windows and freezes are UTC intervals: recurrence and time zones are expanded before the log, because a
decision must not change when the time-zone database does (X9).
"""

import msgspec

from libs.contracts.stream import Stream

PAUSE, FINISH = "pause", "finish"


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time, its end not included."""

    begins: int
    """First moment, in microseconds since the epoch."""
    ends: int
    """First moment after it, in microseconds since the epoch."""


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time in which nothing is granted, its end not included."""

    begins: int
    """First moment, in microseconds since the epoch."""
    ends: int
    """First moment after it, in microseconds since the epoch."""
    label: str = ""
    """What it is called, for people, e.g. year-end close."""


class CapacitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a capacity allows. Without any setting it grants everything, and still knows who holds a slot."""

    limit: int = 0
    """How many may hold a slot at once; 0 for any number."""
    per_minute: int = 0
    """How many slots may be granted within any minute; 0 for any number."""
    windows: tuple[Interval, ...] = ()
    """When slots are granted; empty for always. At most 1,000."""
    freezes: tuple[Freeze, ...] = ()
    """When no slot is granted, windows or not. At most 1,000."""
    lockout_ms: int = 0
    """How long before a window closes, or a freeze begins, the last slot is granted, in milliseconds."""
    on_close: str = FINISH
    """What becomes of holders when a window closes or a freeze begins: finish lets them go on, pause takes their slots away."""
    windows_from: str = ""
    """The expression that the windows come from, for people; empty when they were given as intervals."""
    freezes_from: str = ""
    """Where the freezes come from, for people; empty when they were given as intervals."""
    description: str = ""
    """What the capacity is for, for people."""


class SetCapacity(msgspec.Struct, frozen=True, kw_only=True):
    """Replace what a capacity allows; the first one creates it."""

    settings: CapacitySettings
    """What it allows from now on."""


class OverrideFreeze(msgspec.Struct, frozen=True, kw_only=True):
    """Grant slots as if no window were closed and no freeze were on; limit and rate still hold."""

    until: int
    """Until when, in microseconds since the epoch; 0 takes back an override that still holds."""
    reason: str
    """Why, for the record."""


class AcquireSlot(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for a slot. Who holds one already, or waits for one, is not noted twice."""

    holder: str
    """Who asks: id of the migration, a number sign, and the turn in which it asks."""


class ReleaseSlot(msgspec.Struct, frozen=True, kw_only=True):
    """Give a slot back, or stop waiting for one."""

    holder: str
    """Who it is: id of the migration, a number sign, and the turn in which it asked."""


class WakeCapacity(msgspec.Struct, frozen=True, kw_only=True):
    """The time a capacity asked to be woken at has come."""

    wake_at: int
    """The time it had asked for, in microseconds since the epoch; another one than it asks for now is stale."""


class CapacitySet(msgspec.Struct, frozen=True, kw_only=True):
    """What a capacity allows was replaced."""

    settings: CapacitySettings
    """What it allows from now on."""
    wake_at: int
    """When time changes something again, in microseconds since the epoch; 0 for never."""


class FreezeOverridden(msgspec.Struct, frozen=True, kw_only=True):
    """Slots are granted as if no window were closed and no freeze were on."""

    until: int
    """Until when, in microseconds since the epoch; 0 when an override was taken back."""
    reason: str
    """Why."""
    wake_at: int
    """When time changes something again, in microseconds since the epoch; 0 for never."""


class SlotQueued(msgspec.Struct, frozen=True, kw_only=True):
    """A migration waits for a slot; slots go to those who wait in the order of these events."""

    holder: str
    """Who it is: id of the migration, a number sign, and the turn in which it asked."""
    since: int
    """Since when it waits, in microseconds since the epoch."""
    wake_at: int
    """When time changes something again, in microseconds since the epoch; 0 for never."""


class SlotGranted(msgspec.Struct, frozen=True, kw_only=True):
    """A migration holds a slot until it gives it back or loses it."""

    holder: str
    """Who it is: id of the migration, a number sign, and the turn in which it asked."""
    at: int
    """When it was granted, in microseconds since the epoch."""
    waited_us: int
    """How long it waited, in microseconds; 0 when it did not."""
    wake_at: int
    """When time changes something again, in microseconds since the epoch; 0 for never."""


class SlotFreed(msgspec.Struct, frozen=True, kw_only=True):
    """A migration gave its slot back, or waits no longer."""

    holder: str
    """Who it is: id of the migration, a number sign, and the turn in which it asked."""
    held: bool
    """True when it held a slot, false when it only waited for one."""
    wake_at: int
    """When time changes something again, in microseconds since the epoch; 0 for never."""


class SlotRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """A slot was taken away because a window closed or a freeze began."""

    holder: str
    """Who it is: id of the migration, a number sign, and the turn in which it asked."""
    reason: str
    """Which window or freeze, in one sentence."""
    wake_at: int
    """When time changes something again, in microseconds since the epoch; 0 for never."""


class SlotRefused(msgspec.Struct, frozen=True, kw_only=True):
    """There is no room even to wait: holders and waiting are at their bound. Nothing changed."""

    holder: str
    """Who it is: id of the migration, a number sign, and the turn in which it asked."""
    retry_at: int
    """When it may ask again, in microseconds since the epoch."""


class OpeningMissed(msgspec.Struct, frozen=True, kw_only=True):
    """The capacity was woken too late: what would have opened has closed again."""

    wake_at: int
    """When time changes something again, in microseconds since the epoch; 0 for never."""


class CapacityState(msgspec.Struct, frozen=True, kw_only=True):
    """What a capacity is now. `evolve` in libs.domain.capacity is the only thing that changes it.

    Whatever grows is kept as bytes, so that a change costs a copy and not an encoding of thousands of ids.
    """

    stream: Stream = Stream()
    """Version, chain head and answered commands."""
    settings: bytes = b""
    """What it allows, as version byte and Avro body of the CapacitySettings record; empty before it is set."""
    override_until: int = 0
    """Until when windows and freezes are overridden, in microseconds since the epoch; 0 when they are not."""
    held: int = 0
    """How many slots are held."""
    holders: bytes = b""
    """Who holds them, oldest first: ids, anything but printable ASCII escaped, each between two line feeds."""
    queued: int = 0
    """How many wait."""
    queue: bytes = b""
    """Who waits, first come first: id as above, a tab, since when in microseconds; each between two line feeds."""
    recent: bytes = b""
    """When the last slots were granted, oldest first, eight big-endian bytes each; as many as the rate per minute."""
    wake_at: int = 0
    """When it asks to be woken, in microseconds since the epoch; 0 for never."""
