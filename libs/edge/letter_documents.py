"""Dead letters as the API takes and shows them."""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from libs.edge.asking import Fresh, Items, PagedNow, Words
from libs.edge.decisions import Document
from libs.edge.migration_request import Body
from libs.edge.row_documents import picked
from libs.edge.values import OptionalReason, Reason


class LettersQuery(PagedNow):
    """Which dead letters are listed."""

    status: Literal["open", "replayed", "discarded"] = Field(default="open", description="Only in this status")
    reason: Words = Field(default="", description="Only with this reason, e.g. invalid")
    unattributed: bool = Field(default=False, description="Those that name no tenant instead; for the platform's own tenant only")


class LetterQuery(Fresh):
    """Where a dead letter is looked for."""

    unattributed: bool = Field(default=False, description="Among those that name no tenant; for the platform's own tenant only")


class LetterSummary(Document):
    """One message that a reader could not take."""

    id: str
    reader: str
    topic: str
    partition: int
    offset: int
    reason: str = Field(description="Stable, machine-readable class of the reason")
    detail: str
    read_at: str | None
    status: str = Field(description="open, replayed or discarded")
    resolution_reason: str | None
    resolved_by: str | None
    resolved_at: str | None


class Letter(LetterSummary):
    """One dead letter with its original bytes."""

    key: str | None = Field(description="Original key, base64")
    value: str | None = Field(description="Original value, base64")
    text: str | None = Field(description="The value as text, where it is UTF-8")
    headers: dict[str, str] = Field(description="Original headers, base64")


class Letters(Items):
    """A page of dead letters, newest first."""

    items: list[LetterSummary]


class Replay(Body):
    """Send it again, perhaps corrected."""

    reason: OptionalReason = Field(default="", description="Why, for the record")
    payload: dict[str, Any] | None = Field(default=None, description="Corrected migration request, for a message of the intake topic")


class Discard(Body):
    """Let it be."""

    reason: Reason = Field(description="Why, for the record")


class Resolved(Document):
    """What was made of a dead letter."""

    id: str
    status: Annotated[str, Field(description="replayed or discarded")]


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """A dead letter's row as `LetterSummary` describes it."""
    id_ = f"{row['reader']}_{row['topic']}_{row['partition']}_{row['pos']}"
    return picked({**row, "id": id_, "offset": row["pos"]}, LetterSummary.model_fields)


def whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """A dead letter's row as `Letter` describes it."""
    value, key = row["value"], row["key"]
    try:
        text = value.decode() if value is not None else None
    except UnicodeDecodeError:
        text = None
    encoded = {"key": _base64(key), "value": _base64(value), "text": text, "headers": orjson.loads(row["headers"])}
    return summary(row) | encoded


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
