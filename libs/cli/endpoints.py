"""Databases, options and files as they are given on the command line, turned into the objects that a request holds."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from libs.cli.errors import CliError, Exit


def side(name: str, given: str) -> dict[str, Any]:
    """One side of a move. Raises CliError for a password in clear: it would stay in the shell's history and in the log for ever."""
    if given.startswith(("env:", "file:")):
        return {"dsn": reference(f"--{name}", given)}
    if given.startswith(("postgresql://", "postgres://")):
        _refuse_password(name, given)
        return {"dsn": given}
    fix = "write env:NAME, file:PATH or postgresql://user@host:port/database"
    raise CliError(f"--{name} {_shown(given)} is no database", Exit.USAGE, fix)


def reference(option: str, given: str) -> str:
    """A reference to a secret; a relative file becomes absolute. Raises CliError when it is the secret itself."""
    kind, _, name = given.partition(":")
    if kind == "env" and name.isidentifier():
        return given
    if kind == "file" and name:
        return f"file:{Path(name).expanduser().resolve()}"
    raise CliError(f"{option} is no reference", Exit.USAGE, "write env:NAME or file:PATH, never the secret itself")


def capacities(given: list[str]) -> list[str]:
    """Ids of capacities. Raises CliError for what is none."""
    for id_ in given:
        kind, _, name = id_.partition("/")
        if not (kind and name) or "/" in name or id_ != id_.lower():
            fix = "give a kind, a slash and a name in lower case, e.g. calendar/prod"
            raise CliError(f"{id_!r} is no id of a capacity", Exit.USAGE, fix)
    return given


def _refuse_password(name: str, dsn: str) -> None:
    try:
        parts = urlsplit(dsn)
        secret = parts.password or parse_qs(parts.query).get("password")
    except ValueError as error:
        raise CliError(f"--{name} is no valid address ({error})", Exit.USAGE, "write postgresql://user@host:port/database") from error
    if secret:
        fix = f"keep it with: whimbrel credential set {name}, then give --{name} file:..., or name a variable of the workers: --{name} env:NAME"
        raise CliError(f"--{name} holds a password, which the shell remembers and the log would keep", Exit.USAGE, fix)


def _shown(given: str) -> str:
    return "(not shown)" if "@" in given else repr(given)


def options(given: list[str]) -> dict[str, Any]:
    """`name=value` pairs as an object: dots nest, values are JSON where they can be read as such, else text. Raises CliError."""
    found: dict[str, Any] = {}
    for pair in given:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            raise CliError(f"--option {pair} is not name=value", Exit.USAGE, "write for example --option reverse=false")
        *parents, name = path.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise CliError(f"--option {path} goes below a value", Exit.USAGE, "give either the value or what is below it")
        place[name] = value_of(text)
    return found


def value_of(text: str) -> Any:
    """A value as JSON has it, or the text itself."""
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def bytes_of(file: Path | str) -> bytes:
    """What a file holds; - is standard input. Raises CliError."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CliError(f"{file} cannot be read ({error.strerror})", Exit.USAGE, "name a file, or - for standard input") from error


def json_of(file: Path) -> Any:
    """What a file of JSON holds; - is standard input. Raises CliError."""
    try:
        return orjson.loads(bytes_of(file))
    except ValueError as error:
        raise CliError(f"{file} is no JSON ({error})", Exit.USAGE, "correct the file") from error
