"""The commands of policies as records: written in the transaction that writes the event they follow from."""

from typing import Any, TypeAlias

from libs.contracts.envelope import EventEnvelope
from libs.contracts.topics import commands_of
from libs.domain.policy import Policies, consequences
from libs.runtime.codec import Codec, Record
from services.validator.partitioner import partition_of

Addressed: TypeAlias = tuple[str, int, Record]
"""Topic, partition and record."""


class Policing:
    """Encodes what the policies make of events. `partitions` is how many every command topic has."""

    def __init__(self, codec: Codec, policies: Policies, prefix: str, partitions: int) -> None:
        self._codec, self.policies, self._prefix, self._partitions = codec, policies, prefix, partitions

    def commands(self, event: Any, envelope: EventEnvelope, state: Any, traceparent: bytes) -> list[Addressed]:
        """Commands that follow from an event; `state` is the one after it. Raises TooManyCommands, RegistryUnavailable."""
        policy = self.policies.get(type(event))
        if policy is None:
            return []
        found: list[Addressed] = []
        for kind, command, body in consequences(policy, event, envelope, state):
            topic = commands_of(self._prefix, kind)
            record = self._codec.command(topic, command, body, traceparent)
            found.append((topic, partition_of(record.key, self._partitions), record))
        return found
