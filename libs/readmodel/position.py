"""Where in the log something stands: a vector of offsets of the `events` topics, as it travels in headers and answers."""

import re
from collections.abc import Mapping

from libs.readmodel.errors import InvalidQuery

_PART = re.compile(r"([a-z]{1,20}):(\d{1,4}):(\d{1,18})")


class Position(dict[tuple[str, int], int]):
    """Next offset of each partition named, by aggregate and partition. Partitions not named are not spoken of."""

    def __str__(self) -> str:
        return ",".join(f"{aggregate}:{partition}:{offset}" for (aggregate, partition), offset in sorted(self.items()))

    def after(self, other: Mapping[tuple[str, int], int]) -> "Position":
        """The furthest of both, partition by partition."""
        return Position({place: max(self.get(place, 0), other.get(place, 0)) for place in {*self, *other}})

    def reaches(self, other: Mapping[tuple[str, int], int]) -> bool:
        """Whether everything before `other` is before this position."""
        return all(self.get(place, 0) >= offset for place, offset in other.items())

    def of(self, aggregate: str) -> "Position":
        """The part that speaks of one kind of aggregate."""
        return Position({place: offset for place, offset in self.items() if place[0] == aggregate})


def parse(text: str, field: str = "position") -> Position:
    """The position that a text means. Raises InvalidQuery naming `field`."""
    position = Position()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise InvalidQuery(field, "a position is a list of aggregate:partition:offset, as an answer gave it")
        position[match[1], int(match[2])] = int(match[3])
    return position
