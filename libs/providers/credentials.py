"""Credentials by reference: a request names where a secret is, never the secret.

An operator bounds what a requester can refer to, and every reference is the tenant's: whoever could name any variable or
file of a worker could have it, or what another tenant keeps there, sent to a server of their own (D9).
"""

import re
from fnmatch import fnmatchcase
from os import environ
from pathlib import Path

MAX_SECRET_BYTES = 65_536
_MAX_NAME = 255
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MARK = "{tenant}"
_WORDS = "[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*"


class BadReference(ValueError):
    """A reference cannot be followed; the message says why, and quotes no secret."""


def is_reference(value: str) -> bool:
    """Whether a value is a reference, env:NAME or file:/path."""
    return value.startswith(("env:", "file:"))


def follow(reference: str, tenant: str) -> str:
    """Read the secret behind a reference of a tenant. Raises BadReference, also for what is another tenant's."""
    if not _TENANT.fullmatch(tenant):
        raise BadReference("the tenant has no name that credentials could be kept under")
    scheme, _, name = reference.partition(":")
    return _from_environment(name, tenant) if scheme == "env" else _from_file(name, tenant)


def _from_environment(name: str, tenant: str) -> str:
    patterns = [one.strip() for one in environ.get("WHIMBREL_CREDENTIAL_ENV", "*_DSN,*_WEBHOOK_SECRET").split(",") if one.strip()]
    if not _allowed(name[: _MAX_NAME + 1], patterns, tenant):
        raise BadReference(f"variable {name} is not one that WHIMBREL_CREDENTIAL_ENV ({','.join(patterns)}) allows the tenant {tenant}")
    if not environ.get(name):
        raise BadReference(f"variable {name} is not set where the workers run")
    return environ[name]


def _allowed(name: str, patterns: list[str], tenant: str) -> bool:
    """Patterns without {tenant} are the default tenant's. Either none has it or all have, so that none reaches what is another's."""
    bound = [pattern for pattern in patterns if _MARK in pattern]
    if not bound:
        return tenant == environ.get("WHIMBREL_DEFAULT_TENANT", "default") and any(fnmatchcase(name, pattern) for pattern in patterns)
    if len(bound) < len(patterns) or any(re.search(r"[^_]\{tenant\}|\{tenant\}[^_]", pattern) for pattern in bound):
        raise BadReference("WHIMBREL_CREDENTIAL_ENV is not usable: the operator must write {tenant} into every pattern, set off by _")
    return len(name) <= _MAX_NAME and any(_expression(pattern, tenant).fullmatch(name) for pattern in bound)


def _expression(pattern: str, tenant: str) -> re.Pattern[str]:
    """A pattern for one tenant. Hyphens are doubled underscores and * holds none, so no tenant's name is the beginning of another's."""
    meaning = {_MARK: tenant.upper().replace("-", "__"), "*": _WORDS}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in re.split(r"(\{tenant\}|\*)", pattern)))


def _from_file(name: str, tenant: str) -> str:
    root = (Path(environ.get("WHIMBREL_CREDENTIAL_DIR", "/run/secrets")) / tenant).resolve()
    path = Path(name).resolve()
    if not path.is_relative_to(root):
        raise BadReference(f"file {name} is not below the tenant's directory in WHIMBREL_CREDENTIAL_DIR ({root})")
    try:
        with path.open(encoding="utf-8") as handle:
            return handle.read(MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadReference(f"file {name} cannot be read: {type(error).__name__}") from None
