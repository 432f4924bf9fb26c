"""Value types of request bodies that pydantic has not: JSON objects fit for the log, identifiers, labels."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict, StringConstraints
from pydantic_core import PydanticCustomError

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
PATH_PATTERNS = {
    "letter": r"^[a-z-]{1,20}_[a-z0-9.-]{1,80}_[0-9]{1,4}_[0-9]{1,18}$",
    "tenant": r"^[a-z0-9][a-z0-9-]{0,39}$",
    "step": r"^[0-9]{1,4}$",
    "chunk": r"^(-|[0-9]{1,9})$",
    "direction": r"^(apply|check|undo)$",
    "round": r"^[0-9]{1,6}$",
    "kind": r"^[a-z][a-z0-9-]{0,19}$",
    "name": r"^[a-z0-9][a-z0-9._=:@-]{0,99}$",
}
"""Patterns of path parameters other than ids."""
CAPACITY_PATTERN = r"^[a-z][a-z0-9-]{0,19}/[a-z0-9][a-z0-9._=:@-]{0,99}$"
"""Id of a capacity: a kind, a slash and a name; in a path it stands as it is, as two parts."""
SUBJECT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:|-]{0,127}$"
NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,39}$"
MAX_DEPTH = 16
MAX_OBJECT_BYTES = 65_536
REFERENCES = ("env:", "file:", "vault:")
_SECRET = re.compile(r"passw(or)?d|passphrase|secret|token|api_?key|private_?key|access_?key|credential", re.IGNORECASE)
_USERINFO = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#@]*:[^/?#@]+@", re.IGNORECASE)


def _fit(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what the log must not hold: secrets in clear, text that databases cannot store, bottomless nesting."""
    _walk(value, "", 0)
    if len(orjson.dumps(value)) > MAX_OBJECT_BYTES:
        raise PydanticCustomError("object_too_large", "is larger than 64 KiB as JSON")
    return value


def _walk(value: Any, name: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise PydanticCustomError("too_deep", "is nested deeper than 16 levels")
    if isinstance(value, dict):
        for key, item in value.items():
            _text(key, "")
            _walk(item, key, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _walk(item, name, depth + 1)
    elif isinstance(value, str):
        _text(value, name)


def _text(value: str, name: str) -> None:
    if "\x00" in value:
        raise PydanticCustomError("null_character", "holds the character U+0000")
    if value and _SECRET.search(name) and not value.startswith(REFERENCES) and not _refers(name):
        message = "holds a secret in clear under {name}; refer to it (env:NAME or file:/path), because the log is kept for ever"
        raise PydanticCustomError("plaintext_secret", message, {"name": name})
    if _USERINFO.match(value):
        raise PydanticCustomError("plaintext_secret", "holds a URL with a password; take it out and refer to it (env:NAME or file:/path)")


def _refers(name: str) -> bool:
    return name.lower().endswith(("ref", "file", "_env", "arn", "id", "name", "url", "path"))


def _no_null(value: str) -> str:
    _text(value, "")
    return value


_CAPACITY = re.compile(CAPACITY_PATTERN)


def _capacity(value: object) -> object:
    if isinstance(value, str) and not _CAPACITY.match(value):
        message = "is no id of a capacity; write a kind, a slash and a name in lower case, e.g. limit/host=esx-1"
        raise PydanticCustomError("capacity_id", message)
    return value


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def _rfc3339(value: object) -> object:
    # Lax, or a body that is strict refuses every text; so what lax takes beside RFC 3339 is refused here: seconds since the epoch.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _RFC3339.fullmatch(value)):
        raise PydanticCustomError("datetime_parsing", "write a time as RFC 3339 has it, e.g. 2027-01-31T12:00:00Z")
    return value


def _storable(value: datetime) -> datetime:
    # With its offset a time can lie in a year that no answer could be written with.
    if not _EARLIEST <= value <= _LATEST:
        raise PydanticCustomError("date_out_of_range", "lies outside the years 1970 to 9999 (UTC)")
    return value


Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_rfc3339), AfterValidator(_storable)]
"""A time with its offset, as RFC 3339 has it, of the years 1970 to 9999 (UTC)."""
JsonObject = Annotated[dict[str, Any], AfterValidator(_fit)]
"""A JSON object of at most 64 KiB and 16 levels that holds no secret in clear."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_no_null)]
"""A short text for people."""
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_no_null)]
"""Why, for the record."""
OptionalReason = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_no_null)]
"""Why, for the record; may be left out."""
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""Id of an aggregate."""
CapacityId = Annotated[str, StringConstraints(pattern=CAPACITY_PATTERN), BeforeValidator(_capacity)]
"""Id of a capacity, e.g. calendar/prod."""
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name in lower case."""
Subject = Annotated[str, StringConstraints(pattern=SUBJECT_PATTERN)]
"""Opaque subject id of a person, as tokens have it."""
LabelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(max_length=255), AfterValidator(_no_null)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=64)]
"""Free labels to find something by: at most 64."""
