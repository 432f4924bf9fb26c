"""The one table of topics: who writes, who reads, the key, how long. Compose, AsyncAPI, docs and tests derive from it.

Topic names are `<prefix>.<name>`; the prefix names the environment (D9). The partition count of the three topics of an
aggregate is the same, fixed when a prefix is created: more partitions later would send keys elsewhere.
"""

import msgspec

DAY_MS = 86_400_000
MIB = 1 << 20
MESSAGE_MAX_BYTES = 1 * MIB
COMMAND_MAX_BYTES = 384 * 1024
"""Largest value of a command: request, plan and reason of one migration together must fit into its state."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic of a prefix."""

    name: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    purpose: str
    key: str = "tenant/aggregate-id"
    compacted: bool = False
    retention_ms: int = -1
    max_message_bytes: int = MESSAGE_MAX_BYTES

    @property
    def config(self) -> dict[str, str]:
        """Settings given to the broker when the topic is created."""
        settings = {"max.message.bytes": str(self.max_message_bytes), "retention.bytes": "-1"}
        if self.compacted:
            return settings | {
                "cleanup.policy": "compact",
                "segment.bytes": str(16 * MIB),
                "min.cleanable.dirty.ratio": "0.2",
                "delete.retention.ms": str(DAY_MS),
            }
        return settings | {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


AGGREGATES = ("migration", "delivery", "subscription", "capacity", "wave")
TOLD_BY_POLICIES = ("migration", "capacity", "wave")
"""Aggregates that policies send commands to; the validator writes those (libs/domain/policies.py)."""
_WORKERS = ("migrator", "verifier", "notifier")


def _of_aggregate(name: str) -> tuple[Topic, Topic, Topic]:
    return (
        Topic(
            name=f"{name}.commands",
            writers=("ingress", *(("validator",) if name in TOLD_BY_POLICIES else ()), *_WORKERS),
            readers=("validator",),
            purpose=f"Wishes and reports concerning a {name}"
            + (", and what policies make of the events of other aggregates." if name in TOLD_BY_POLICIES else "."),
            retention_ms=30 * DAY_MS,
        ),
        Topic(
            name=f"{name}.events",
            writers=("validator",),
            readers=("projector", "notifier", "ingress", "validator"),
            purpose=f"The history of every {name}, kept for ever.",
            max_message_bytes=2 * MIB,
        ),
        Topic(
            name=f"{name}.state",
            writers=("validator",),
            readers=("validator", *_WORKERS),
            purpose=f"The latest state of every {name}, with the work it waits for.",
            compacted=True,
            max_message_bytes=2 * MIB,
        ),
    )


TOPICS: tuple[Topic, ...] = (
    *(topic for aggregate in AGGREGATES for topic in _of_aggregate(aggregate)),
    Topic(
        name="intake",
        writers=("producers",),
        readers=("ingress",),
        key="any",
        purpose="Requests for migrations from any Kafka client, as JSON or Avro, and reports of systems that were told of work, as JSON.",
        retention_ms=30 * DAY_MS,
    ),
    Topic(
        name="progress",
        writers=("ingress", *_WORKERS),
        readers=("projector",),
        purpose="How far work items are; short-lived, nothing is decided by it.",
        retention_ms=DAY_MS,
    ),
    Topic(
        name="dead-letters",
        writers=("ingress", "validator", *_WORKERS),
        readers=("projector",),
        key="reader/topic/partition/offset",
        purpose="Messages that a reader could not take, with their original bytes.",
        max_message_bytes=2 * MIB + 64 * 1024,
    ),
)


def commands_of(prefix: str, aggregate: str) -> str:
    """Name of an aggregate's command topic under a prefix."""
    return f"{prefix}.{aggregate}.commands"


def events_of(prefix: str, aggregate: str) -> str:
    """Name of an aggregate's event topic under a prefix."""
    return f"{prefix}.{aggregate}.events"


def state_of(prefix: str, aggregate: str) -> str:
    """Name of an aggregate's state topic under a prefix."""
    return f"{prefix}.{aggregate}.state"
