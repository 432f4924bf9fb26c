"""The public keys that tokens are checked with: read from a JWKS file or https URL, again when it changes or a new key id appears.

Each key is good for exactly one algorithm; symmetric keys are never taken. Nothing a token says leads to a key elsewhere.
"""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson
from joserfc.jwk import ECKey, OKPKey, RSAKey

from libs.runtime.errors import Misconfigured

if TYPE_CHECKING:
    from aiohttp import StreamReader

Key = OKPKey | ECKey | RSAKey
_ALGORITHMS = {
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("RSA", ""): ("RS256", "PS256"),
}
_TYPES: dict[str, type[OKPKey] | type[ECKey] | type[RSAKey]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}
_REFRESH_S = 600.0
_UNKNOWN_PAUSE_S = 10.0
_FETCH_S, _WAIT_S = 5.0, 6.0
_MAX_BYTES = 1 << 20


class Verifier(NamedTuple):
    """A public key and the algorithms it may be used with."""

    key: Key
    algorithms: tuple[str, ...]


def verifiers_of(document: bytes) -> dict[str, Verifier]:
    """Keys of a JWKS by key id. Raises Misconfigured when it is none; keys that cannot be used are left out."""
    try:
        found = orjson.loads(document)["keys"]
        return {entry["kid"]: verifier for entry in found if (verifier := _verifier(entry)) and entry.get("kid")}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise Misconfigured("WHIMBREL_JWKS: what it names is no JSON Web Key Set (RFC 7517)") from error


def _verifier(entry: dict[str, str]) -> Verifier | None:
    kind = entry.get("kty", "")
    allowed = _ALGORITHMS.get((kind, entry.get("crv", "")), ())
    chosen = tuple(name for name in allowed if name == entry.get("alg", name))
    if not chosen or entry.get("use", "sig") != "sig":
        return None
    public: dict[str, str | list[str]] = {name: value for name, value in entry.items() if name in ("kty", "crv", "x", "y", "n", "e", "kid")}
    try:
        return Verifier(_TYPES[kind].import_key(public), chosen)
    except ValueError:
        return None


class KeyStore:
    """Keys by id. `place` is a file path or an https URL."""

    def __init__(self, place: str) -> None:
        self._place, self._keys = place, dict[str, Verifier]()
        self._read_at, self._stamp = float("-inf"), 0
        self._refreshing: asyncio.Task[None] | None = None
        self.generation = 0

    async def find(self, key_id: str) -> Verifier | None:
        """The key of that id; None when nobody we trust has it. However many ask at once, the keys are fetched once; waits 12 s at most."""
        for _ in range(2):  # what somebody else had fetched may have been read before the file changed
            if self._stale(key_id):
                await self._refreshed()
        return self._keys.get(key_id)

    def _stale(self, key_id: str) -> bool:
        age = time.monotonic() - self._read_at
        return age > _REFRESH_S or (key_id not in self._keys and age > _UNKNOWN_PAUSE_S) or self._changed()

    def _changed(self) -> bool:
        return not self._place.startswith("https://") and self._file_stamp() != self._stamp

    def _file_stamp(self) -> int:
        try:
            return Path(self._place).stat().st_mtime_ns
        except OSError:
            return 0

    async def _refreshed(self) -> None:
        """Wait for the refresh under way, or for a new one. It outlives the request that began it, so that others need no own."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._refreshing), _WAIT_S)

    async def _refresh(self) -> None:
        stamp = self._file_stamp()
        try:
            self._keys = verifiers_of(await self._fetched())
            self.generation += 1
        except (OSError, TimeoutError, Misconfigured):
            if self._stamp != stamp and not self._place.startswith("https://"):
                self._keys = {}  # the file is gone or broken: trust nobody rather than yesterday's keys
        finally:
            self._read_at, self._stamp = time.monotonic(), stamp

    async def _fetched(self) -> bytes:
        if not self._place.startswith("https://"):
            return await asyncio.to_thread(Path(self._place).read_bytes)
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=_FETCH_S)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self._place, allow_redirects=False) as answer:
                answer.raise_for_status()
                return await _whole(answer.content)
        except aiohttp.ClientError as error:
            raise OSError(str(error)) from error


async def _whole(content: "StreamReader") -> bytes:
    """Everything up to the end. Raises Misconfigured when that is more than any set of keys needs."""
    found = bytearray()
    async for piece in content.iter_any():
        found += piece
        if len(found) > _MAX_BYTES:
            raise Misconfigured(f"WHIMBREL_JWKS: what it names is larger than {_MAX_BYTES} bytes")
    return bytes(found)
