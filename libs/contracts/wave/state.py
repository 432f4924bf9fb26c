"""The state record of a wave: the fold of its events. What grows with its members is bytes."""

import msgspec

from libs.contracts.stream import Stream
from libs.contracts.wave.plan import WaveSettings


class WaveState(msgspec.Struct, frozen=True, kw_only=True):
    """What a wave is now. `evolve` in libs.domain.wave is the only thing that changes it."""

    stream: Stream = Stream()
    """Version, chain head and answered commands."""
    status: str = ""
    """planned, waiting, running, paused, stopped, rolling_back, rolled_back, cancelled or completed; empty before it is planned."""
    settings: WaveSettings = WaveSettings()
    """Under which conditions it is moved."""
    pages: tuple[bytes, ...] = ()
    """Its members as they were added, as Avro bodies of Roster records."""
    members: bytes = b""
    """How each member stands, one letter each, in the order in which they were first added (libs.domain.wave.members)."""
    left: bytes = b""
    """How many of its dependencies are not completed, one byte a member; empty before it is started."""
    early: dict[str, str] = {}
    """Migrations that name the wave and had ended before they were added as members, and how."""
    met: tuple[str, ...] = ()
    """Waves before it that are known to be completed."""
    followers: tuple[str, ...] = ()
    """Waves that wait for this one; at most 100."""
    tolerated: int = 0
    """How many failures there were when a person last resumed it."""
    order: str = ""
    """What members are being told: pause, resume, cancel or roll_back; empty when none are."""
    cursor: int = 0
    """Where in the order of members the next ones to be told are looked for."""
    step: int = 0
    """How many pages of admissions and orders there were."""
    reason: str = ""
    """Why it is paused, stopped, cancelled or rolled back."""
