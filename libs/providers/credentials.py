"""Credentials by reference: a request names where a secret is, never the secret.

An operator bounds what a requester can refer to, because a requester who may name any variable or file of a worker could
have it sent to a server of their own.
"""

from fnmatch import fnmatchcase
from os import environ
from pathlib import Path

MAX_SECRET_BYTES = 65_536


class BadReference(ValueError):
    """A reference cannot be followed; the message says why, and quotes no secret."""


def is_reference(value: str) -> bool:
    """Whether a value is a reference, env:NAME or file:/path."""
    return value.startswith(("env:", "file:"))


def follow(reference: str) -> str:
    """Read the secret behind a reference. Raises BadReference."""
    scheme, _, name = reference.partition(":")
    return _from_environment(name) if scheme == "env" else _from_file(name)


def _from_environment(name: str) -> str:
    patterns = environ.get("WHIMBREL_CREDENTIAL_ENV", "*_DSN,*_PASSWORD,*_WEBHOOK_SECRET").split(",")
    if not any(fnmatchcase(name, pattern.strip()) for pattern in patterns):
        raise BadReference(f"variable {name} is not one that WHIMBREL_CREDENTIAL_ENV ({','.join(patterns)}) allows")
    if not environ.get(name):
        raise BadReference(f"variable {name} is not set where the workers run")
    return environ[name]


def _from_file(name: str) -> str:
    root = Path(environ.get("WHIMBREL_CREDENTIAL_DIR", "/run/secrets")).resolve()
    path = Path(name).resolve()
    if not path.is_relative_to(root):
        raise BadReference(f"file {name} is not below WHIMBREL_CREDENTIAL_DIR ({root})")
    try:
        with path.open(encoding="utf-8") as handle:
            return handle.read(MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadReference(f"file {name} cannot be read: {type(error).__name__}") from None
