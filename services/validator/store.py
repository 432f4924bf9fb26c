"""The states of the aggregates whose commands this validator is assigned. Kept as encoded bytes; decoded while in use."""

from collections.abc import Callable
from typing import Any

from libs.contracts.avro import Undecodable, schema_of
from libs.domain.decider import Decider
from libs.runtime.errors import BrokenHistory

HOT = 50_000
"""How many decoded states are kept beside the bytes."""


def _cannot_mend(_: "Store", __: int, key: bytes) -> Any:
    raise BrokenHistory(f"the state of {key!r} cannot be read")


class Store:
    """States of one aggregate kind, by partition and key. `mend` returns a state anew whose bytes turn out to be unreadable."""

    def __init__(self, decider: Decider) -> None:
        self.decider = decider
        self._schema = schema_of(decider.state)
        self._encoded: dict[int, dict[bytes, bytes]] = {}
        self._hot: dict[bytes, Any] = {}
        self.mend: Callable[[Store, int, bytes], Any] = _cannot_mend

    def load(self, partition: int, states: dict[bytes, bytes]) -> None:
        """Take over the restored states of a partition, as Avro bodies."""
        self._encoded[partition] = states

    def drop(self, partition: int) -> None:
        """Forget a partition."""
        for key in self._encoded.pop(partition, {}):
            self._hot.pop(key, None)

    def owns(self, partition: int) -> bool:
        """Whether the partition is loaded."""
        return partition in self._encoded

    def __contains__(self, place: tuple[int, bytes]) -> bool:
        return place[1] in self._encoded[place[0]]

    def get(self, partition: int, key: bytes) -> Any:
        """State of an aggregate; the decider's initial one when it has no history."""
        state = self._hot.get(key)
        if state is not None:
            return state
        encoded = self._encoded[partition].get(key)
        if encoded is None:
            return self.decider.initial
        try:
            return self._schema.decode(encoded)[1]
        except Undecodable:
            return self.mend(self, partition, key)

    def forget(self, partition: int, key: bytes) -> None:
        """Drop the state of one aggregate."""
        self._encoded[partition].pop(key, None)
        self._hot.pop(key, None)

    def put(self, partition: int, key: bytes, state: Any, encoded: bytes) -> None:
        """The state after a batch."""
        self._encoded[partition][key] = encoded
        self._hot.pop(key, None)
        self._hot[key] = state
        if len(self._hot) > HOT:
            del self._hot[next(iter(self._hot))]
