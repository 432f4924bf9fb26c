"""Names of what a move leaves in a server, and the quoting of other people's names."""

import hashlib
import re
from typing import NamedTuple


class Names(NamedTuple):
    """Names derived from tenant and migration, each at most 63 characters and fit for a slot."""

    publication: str
    slot: str
    subscription: str
    back_publication: str
    back_slot: str
    back_subscription: str
    digest: str
    """Sixteen hexadecimal digits that identify the migration in application names and lock keys."""

    @property
    def lock_key(self) -> int:
        """Key of the session advisory lock that serialises executors of this migration."""
        return int(self.digest, 16) - 2**63


def names_of(tenant: str, migration: str) -> Names:
    """Derive the names. Never change this: running migrations find their objects by it."""
    digest = hashlib.sha256(f"{tenant}/{migration}".encode()).hexdigest()[:16]
    readable = re.sub(r"[^a-z0-9]+", "_", migration.lower())[:28].strip("_") or "move"
    name = f"whimbrel_{readable}_{digest[:10]}"
    return Names(name, name, name, f"{name}_back", f"{name}_back", f"{name}_back", digest)


def identifier(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """Quote a schema-qualified name."""
    return f"{identifier(schema)}.{identifier(name)}"


def literal(value: str) -> str:
    """Quote a string literal, safe whatever standard_conforming_strings says."""
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
