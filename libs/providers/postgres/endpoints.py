"""Where a server is and how to log in to it, from what the request says."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec

from libs.contracts.values import Problem
from libs.providers.credentials import BadReference, follow, is_reference

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
KEYS = ("dsn", "host", "port", "database", "user", "password", "sslmode", "sslrootcert")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One database, with the means to log in."""

    host: str
    port: int = 5432
    database: str
    user: str
    password: str = ""
    sslmode: str = "prefer"
    sslrootcert: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.public_dsn})"

    @property
    def public_dsn(self) -> str:
        """DSN without user and password: what the connection record says, and all that is ever printed."""
        database = quote(self.database, safe="")
        if self.host.startswith("/"):
            return f"postgresql:///{database}?host={quote(self.host, safe='')}&port={self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{host}:{self.port}/{database}"

    @property
    def libpq_environment(self) -> dict[str, str]:
        """The environment variables by which a libpq program logs in."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.database,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGSSLMODE": self.sslmode,
            "PGSSLROOTCERT": self.sslrootcert,
        }
        return {key: value for key, value in values.items() if value}


class Refused(ValueError):
    """A side of the request cannot be used; carries every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


def endpoint(side: str, given: Mapping[str, Any], tenant: str) -> Endpoint:
    """Read one side (source or target) of a tenant's request and follow its reference. Raises Refused with every problem."""
    problems: list[Problem] = []

    def refuse(key: str, code: str, message: str, remedy: str) -> None:
        pointer = f"/{side}/{key}" if key else f"/{side}"
        problems.append(Problem(code=code, category="validation", message=message, remedy=remedy, field=pointer))

    for key in sorted(set(given) - set(KEYS)):
        refuse(key, "unknown_field", f"{side} has an unknown field {key}", f"use only {', '.join(KEYS)}")
    plain = {key: value for key, value in given.items() if key in KEYS and key not in ("dsn", "password")}
    _refuse_password(given, refuse)
    if is_reference(str(given.get("dsn", ""))):
        for key in sorted(plain):  # a credential goes nowhere but where it says itself
            refuse(key, "beside_reference", f"{side} has {key} beside a dsn by reference", f"put {key} into the dsn that is referred to")
    values = _from_dsn(given, tenant, refuse) | plain
    for key in ("host", "database", "user"):
        if not values.get(key) and not problems:
            refuse(key, "field_missing", f"{side} names no {key}", f"give {key}, or a dsn that has it")
    if not problems:
        try:
            made = msgspec.convert(values, Endpoint, strict=False)
        except msgspec.ValidationError as error:
            refuse("", "invalid_field", f"{side} is not valid: {error}", "correct the field that the message names")
        else:
            if made.sslmode in SSL_MODES:
                return made
            refuse("sslmode", "invalid_field", f"{side} has an unknown sslmode", f"use one of {', '.join(SSL_MODES)}")
    raise Refused(problems)


Refuse = Callable[[str, str, str, str], None]


def _from_dsn(given: Mapping[str, Any], tenant: str, refuse: Refuse) -> dict[str, Any]:
    dsn = given.get("dsn", "")
    if not dsn:
        return {}
    if not isinstance(dsn, str):
        refuse("dsn", "invalid_field", "dsn is not a string", "give a DSN without a password, or env:NAME or file:/path")
        return {}
    try:
        values = parse_dsn(follow(dsn, tenant) if is_reference(dsn) else dsn)
    except BadReference as error:
        refuse("dsn", "credential_not_found", str(error), "name a credential that the workers can read")
        return {}
    except ValueError:
        refuse("dsn", "invalid_field", "the dsn is not a postgresql:// URL", "write postgresql://user@host:port/database")
        return {}
    if values.get("password") and not is_reference(dsn):
        refuse("dsn", "plaintext_password", "the dsn holds a password", "refer to the whole dsn instead: env:NAME or file:/path")
    return values


def _refuse_password(given: Mapping[str, Any], refuse: Refuse) -> None:
    """A secret that does not say which host it is for could be sent to any, so only a whole dsn may be referred to."""
    password, remedy = given.get("password", ""), "refer to a whole dsn with the password in it: dsn: env:NAME or file:/path"
    if not password:
        return
    if isinstance(password, str) and is_reference(password):
        refuse("password", "password_without_host", "a password by reference says not which host it is for", remedy)
    else:
        refuse("password", "plaintext_password", "the request holds a password in clear", remedy)


def parse_dsn(dsn: str) -> dict[str, Any]:
    """Take a postgresql:// URL apart. Raises ValueError."""
    parts = urlsplit(dsn)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("not a postgresql URL")
    query = dict(parse_qsl(parts.query))
    values = {
        "host": unquote(parts.hostname or "") or query.get("host", ""),
        "port": parts.port or int(query.get("port", 5432)),
        "database": unquote(parts.path.removeprefix("/")),
        "user": unquote(parts.username or "") or query.get("user", ""),
        "password": unquote(parts.password or "") or query.get("password", ""),
        "sslmode": query.get("sslmode", "prefer"),
        "sslrootcert": query.get("sslrootcert", ""),
    }
    return {key: value for key, value in values.items() if value}
