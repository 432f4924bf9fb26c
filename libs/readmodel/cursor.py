"""Where the next page begins: the sort key of the last row, signed, bound to the query it came from."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import msgspec

from libs.readmodel.errors import InvalidQuery

MOST = 500
"""Rows of a page at most."""
_SIGNATURE = 16
_WRONG = "the cursor is not one that this query gave; begin again without a cursor"


class Cursors:
    """Makes and reads cursors. Processes that share `secret` understand each other's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def encode(self, query: Any, key: Sequence[Any]) -> str:
        """A cursor to what follows the row with this sort key in the answer to `query` (anything JSON can hold)."""
        payload = msgspec.json.encode(key)
        return base64.urlsafe_b64encode(self._sign(query, payload) + payload).decode().rstrip("=")

    def decode(self, query: Any, cursor: str) -> list[Any]:
        """The sort key in a cursor. Raises InvalidQuery when it is not one of this query."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise InvalidQuery("cursor", _WRONG) from error
        payload = raw[_SIGNATURE:]
        if not hmac.compare_digest(raw[:_SIGNATURE], self._sign(query, payload)):
            raise InvalidQuery("cursor", _WRONG)
        key: list[Any] = msgspec.json.decode(payload)
        return key

    def _sign(self, query: Any, payload: bytes) -> bytes:
        return hmac.digest(self._secret, hashlib.sha256(msgspec.json.encode(query)).digest() + payload, "sha256")[:_SIGNATURE]


def limited(limit: int) -> int:
    """A page size. Raises InvalidQuery unless it is 1 to MOST."""
    if not 1 <= limit <= MOST:
        raise InvalidQuery("limit", f"limit is {limit}; give 1 to {MOST}")
    return limit
