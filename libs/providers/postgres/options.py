"""What a requester may choose about a move."""

from os import environ
from pathlib import Path
from typing import Literal

import msgspec

from libs.contracts.values import Problem
from libs.providers.base import MoveRequest


class ConnectionRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What applications read to know where the database is."""

    name: str = ""
    """Name of the record; the name of the source database when empty."""
    source_dsn: str = ""
    """What the record says before the switch; derived from the source, without user and password, when empty."""
    target_dsn: str = ""
    """What the record says after the switch; derived from the target when empty."""
    file: str = ""
    """File that also gets the record as JSON, below WHIMBREL_CONNECTION_DIR of the workers."""


class Reach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one server reaches the other, where that differs from how the workers do."""

    host: str = ""
    port: int = 0
    passfile: str = ""
    """Password file on the subscribing server, used instead of a password in the subscription."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a move."""

    reverse: bool = True
    """Replicate back from the cutover to the end, so that a rollback after the switch keeps new writes. Without it the switch is the point of no return."""
    without_key: Literal["refuse", "full"] = "refuse"
    """What to do with tables that have no usable key: refuse the move, or set REPLICA IDENTITY FULL on them while it lasts."""
    roles: Literal["require", "skip"] = "require"
    """Whether owners and grants move (their roles must exist on the target) or are left out."""
    verify: Literal["checksums", "counts"] = "checksums"
    """What is compared; checksums read every row on both sides, once before the cutover and once within the pause."""
    max_lag_bytes: int = 16_777_216
    """Bytes of log that the target may be behind when the cutover begins."""
    max_lag_seconds: float = 10.0
    """Seconds that the target may be behind when the cutover begins."""
    grace_ms: int = 2_000
    """Milliseconds that transactions in flight get at the cutover before their sessions are ended."""
    connection: ConnectionRecord = ConnectionRecord()
    subscription: Reach = Reach()
    """How the target reaches the source."""
    reverse_subscription: Reach = Reach()
    """How the source reaches the target."""


def parse(request: MoveRequest) -> Options:
    """Options of a request. Raises msgspec.ValidationError with the path of the value at fault."""
    return msgspec.convert(request.options, Options)


def option_problems(request: MoveRequest) -> list[Problem]:
    """Everything wrong with the options of a request."""
    try:
        options = parse(request)
    except msgspec.ValidationError as error:
        return [_problem(f"the options are not valid: {error}", "correct the option that the message names", "/options")]
    problems = [
        _problem(f"{name} is negative", "give zero or more", f"/options/{name}")
        for name in ("max_lag_bytes", "max_lag_seconds", "grace_ms")
        if getattr(options, name) < 0
    ]
    for name in ("source_dsn", "target_dsn"):
        if "@" in (dsn := getattr(options.connection, name)) and ":" in dsn.rpartition("@")[0].rpartition("/")[2]:
            problems.append(
                _problem(f"{name} holds a password", "take the password out", f"/options/connection/{name}", "plaintext_password")
            )
    if options.connection.file and not allowed_file(options.connection.file):
        remedy = "name a file there, or have the operator set WHIMBREL_CONNECTION_DIR"
        problems.append(_problem("the connection file is not below WHIMBREL_CONNECTION_DIR", remedy, "/options/connection/file"))
    return problems


def allowed_file(name: str) -> bool:
    """Whether workers may write the connection record to a file of this name."""
    root = environ.get("WHIMBREL_CONNECTION_DIR", "")
    return bool(root) and Path(name).is_absolute() and Path(name).resolve().is_relative_to(Path(root).resolve())


def _problem(message: str, remedy: str, field: str, code: str = "invalid_option") -> Problem:
    return Problem(code=code, category="validation", message=message, remedy=remedy, field=field)
