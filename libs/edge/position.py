"""Where in the log something stands: a vector of offsets of the `events` topics, as it travels in headers and answers."""

import re
from collections.abc import Mapping

_PART = re.compile(r"([a-z]{1,20}):(\d{1,4}):(\d{1,18})")


class Position(dict[tuple[str, int], int]):
    """Next offset of each partition named, by aggregate and partition. Partitions not named are not spoken of."""

    def __str__(self) -> str:
        return ",".join(f"{aggregate}:{partition}:{offset}" for (aggregate, partition), offset in sorted(self.items()))

    def after(self, other: Mapping[tuple[str, int], int]) -> "Position":
        """The furthest of both, partition by partition."""
        return Position({place: max(self.get(place, 0), other.get(place, 0)) for place in {*self, *other}})


def parse(text: str) -> Position:
    """The position that a text means. Raises ValueError."""
    position = Position()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError("a position is a list of aggregate:partition:offset, as an answer gave it")
        position[match[1], int(match[2])] = int(match[3])
    return position
