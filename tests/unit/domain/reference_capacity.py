"""A capacity as one would write it down at first: lists, a scan over every interval, a look at every later moment."""

from typing import NamedTuple

from libs.contracts.capacity import PAUSE, CapacitySettings

MINUTE = 60_000_000


class Waiting(NamedTuple):
    """One who waits."""

    holder: str
    since: int


class Reference:
    """What the decider must agree with. It is told what the events say and judges whether they may say it."""

    def __init__(self) -> None:
        self.settings = CapacitySettings()
        self.override_until = 0
        self.holders: list[str] = []
        self.queue: list[Waiting] = []
        self.granted: list[int] = []
        """Moments of all grants since a rate is kept."""

    def open(self, now: int) -> bool:
        """Whether windows and freezes leave it open."""
        windows, freezes = self.settings.windows, self.settings.freezes
        if now < self.override_until:
            return True
        return (not windows or any(w.begins <= now < w.ends for w in windows)) and not any(f.begins <= now < f.ends for f in freezes)

    def locked_out(self, now: int) -> bool:
        """Whether it closes within the lock-out."""
        lockout = self.settings.lockout_ms * 1_000
        if now < self.override_until or not lockout:
            return False
        boundaries = self.boundaries()
        saved, self.override_until = self.override_until, 0
        closes = [x for x in boundaries if now < x <= now + lockout and not self.open(x)]
        self.override_until = saved
        return bool(closes)

    def boundaries(self) -> list[int]:
        """Every moment at which a window or a freeze begins or ends."""
        spans = [(w.begins, w.ends) for w in self.settings.windows] + [(f.begins, f.ends) for f in self.settings.freezes]
        return [moment for span in spans for moment in span]

    def may_grant(self, now: int) -> bool:
        """Whether one more slot may be granted at this moment."""
        settings = self.settings
        room = not settings.limit or len(self.holders) < settings.limit
        rate = not settings.per_minute or sum(at > now - MINUTE for at in self.granted) < settings.per_minute
        return room and rate and self.open(now) and not self.locked_out(now)

    def must_revoke(self, now: int) -> bool:
        """Whether who holds a slot loses it at this moment."""
        return bool(self.holders) and self.settings.on_close == PAUSE and not self.open(now)

    def changes(self, now: int) -> bool:
        """Whether time alone makes something happen at this moment."""
        return self.must_revoke(now) or (bool(self.queue) and self.may_grant(now))

    def next_change(self, now: int) -> int:
        """First later moment at which something happens; 0 when none does."""
        moments = {now + 1, self.override_until, *self.boundaries(), *(at + MINUTE for at in self.granted)}
        return next((moment for moment in sorted(moments) if moment > now and self.changes(moment)), 0)
