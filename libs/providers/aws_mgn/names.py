"""Names that a move leaves in the cloud. They are idempotency keys: never change how they are made."""

import hashlib

MIGRATION = "whimbrel:migration"
"""Tag on the source server, its jobs, instances, volumes and snapshots: tenant/migration."""
WORK = "whimbrel:work"
"""Tag on a job or snapshot: the work id that made it."""
FENCE = "whimbrel:fence:"
"""Beginning of a tag's key on the source server; the rest is a fence, the value the digest of the work that holds it."""
FOUND = "whimbrel:replication"
"""Tag on the source server: whether start_replication found it stopped or running."""
ADDRESS = "whimbrel:address"
"""Tag on the source server: id and private address of the instance that others were told of."""
VERSION = "whimbrel: made from version "
"""Beginning of the description of a launch template version; the rest is the version that was the default before."""


def migration_tag(tenant: str, migration: str) -> str:
    """How a migration is called in the cloud."""
    return f"{tenant}/{migration}"


def digest(work_id: str) -> str:
    """A work id in 32 characters, for places that are too small for it."""
    return hashlib.blake2b(work_id.encode(), digest_size=16).hexdigest()


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as EC2 writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags as EC2 writes them, by key."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags or []}
