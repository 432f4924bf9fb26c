"""What every command and event carries about itself; `follow` alone fills an event's envelope, `consequence` that of a policy's command."""

import hashlib

import msgspec

GENESIS = b""
"""`previous` of an aggregate's first event."""


class CommandEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """Who wishes what of which aggregate. The sender fills it; nothing in it is trusted as time."""

    command_id: str
    """Idempotency key of the command: the same id with the same payload takes effect once."""
    tenant: str
    """Tenant that the aggregate belongs to; the first part of the Kafka key."""
    aggregate: str
    """Id of the aggregate within its tenant; the second part of the Kafka key."""
    environment: str
    """Environment the command is meant for, e.g. dev or prod."""
    actor: str
    """Opaque subject id of who asks; never a name or an address."""
    correlation_id: str
    """Id of the first request in the chain that led here."""
    occurred_at: int
    """When the sender made the command, in microseconds since the epoch (UTC), by the sender's clock."""
    expected_version: int = -1
    """Version the aggregate must be at for the command to be decided; -1 when any will do."""


class EventEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event stands in its aggregate's history, who caused it, and the hash that chains it to its predecessor."""

    event_id: str
    """Pure function of the aggregate, the command that caused the event (id and payload), and the event's ordinal in the decision."""
    tenant: str
    """Tenant that the aggregate belongs to; the first part of the Kafka key."""
    aggregate: str
    """Id of the aggregate within its tenant; the second part of the Kafka key."""
    version: int
    """Position in the aggregate's history, from 1 without a gap; 0 for the refusal of a command to an aggregate that does not exist."""
    environment: str
    """Environment the event happened in, e.g. dev or prod."""
    actor: str
    """Opaque subject id of who asked for what led to the event; never a name or an address."""
    correlation_id: str
    """Id of the first request in the chain that led here."""
    causation_id: str
    """Command id of the command that this event answers."""
    command_digest: bytes
    """First eight bytes of the SHA-256 of the client command's payload, so that a repeated key with another payload is refused; empty for a worker's command."""
    occurred_at: int
    """When it happened by the sender's clock, in microseconds since the epoch (UTC)."""
    recorded_at: int
    """When the log learned it, in microseconds since the epoch (UTC); never decreases within a partition."""
    previous: bytes
    """Hash of the aggregate's previous event (SHA-256 over schema fingerprint and Avro body); empty for the first."""


def key_of(tenant: str, aggregate: str) -> bytes:
    """Kafka key of an aggregate's commands, events and state."""
    return f"{tenant}/{aggregate}".encode()


def event_id_of(tenant: str, aggregate: str, command_id: str, digest: bytes, ordinal: int) -> str:
    """Id of the `ordinal`-th event (from 0) that a command leads to. The format is a deduplication key: never change it.

    `digest` keeps apart the answers to a client's key that came twice with different payloads.
    """
    return hashlib.sha256(f"{tenant}/{aggregate}\n{command_id}\n{digest.hex()}\n{ordinal}".encode()).hexdigest()[:32]


def follow(cause: CommandEnvelope, *, ordinal: int, version: int, recorded_at: int, previous: bytes, digest: bytes) -> EventEnvelope:
    """Envelope of the event that answers `cause`: correlation is copied, causation is the command's id."""
    return EventEnvelope(
        event_id=event_id_of(cause.tenant, cause.aggregate, cause.command_id, digest, ordinal),
        tenant=cause.tenant,
        aggregate=cause.aggregate,
        version=version,
        environment=cause.environment,
        actor=cause.actor,
        correlation_id=cause.correlation_id,
        causation_id=cause.command_id,
        command_digest=digest,
        occurred_at=cause.occurred_at,
        recorded_at=recorded_at,
        previous=previous,
    )


POLICY = "policy:"
"""What the actor of a command begins with that a policy sends."""


def policy_command_id_of(event_id: str, policy: str, kind: str, aggregate: str) -> str:
    """Id of the command that a policy sends to an aggregate because of an event. The format is a deduplication key: never change it."""
    return hashlib.sha256(f"{event_id}\n{policy}\n{kind}\n{aggregate}".encode()).hexdigest()[:32]


def consequence(cause: EventEnvelope, policy: str, kind: str, aggregate: str) -> CommandEnvelope:
    """Envelope of the command that a policy sends because of an event: tenant, environment and correlation are the event's."""
    return CommandEnvelope(
        command_id=policy_command_id_of(cause.event_id, policy, kind, aggregate),
        tenant=cause.tenant,
        aggregate=aggregate,
        environment=cause.environment,
        actor=POLICY + policy,
        correlation_id=cause.correlation_id,
        occurred_at=cause.recorded_at,
    )
