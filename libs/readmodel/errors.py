"""What a question to the read models can be answered with instead of rows. Each says what would be accepted."""

from libs.runtime.errors import WhimbrelError


class InvalidQuery(WhimbrelError):
    """A parameter does not fit; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotKnownYet(WhimbrelError):
    """The moment or position asked for is beyond what was read, so the answer could still change.

    `safe_time` (microseconds since the epoch) and `safe_position` are the latest that can be answered now.
    """

    def __init__(self, message: str, safe_time: int, safe_position: str) -> None:
        super().__init__(message)
        self.safe_time, self.safe_position = safe_time, safe_position


class Behind(WhimbrelError):
    """The read models did not reach a position in time; `position` is how far they are."""

    def __init__(self, message: str, position: str) -> None:
        super().__init__(message)
        self.position = position
