"""The local development issuer: an Ed25519 key below the data directory, the JWKS beside it, and tokens signed with it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import OKPKey

from libs.runtime.clock import new_id, now_us

_ALGORITHM = "Ed25519"


def jwks_path(data_dir: Path) -> Path:
    """Where the issuer of a data directory keeps its public keys."""
    return data_dir / "issuer" / "jwks.json"


class LocalIssuer:
    """Issues tokens for one data directory; makes its key the first time. Not for production: whoever reads the file is anybody."""

    def __init__(self, data_dir: Path, issuer: str = "whimbrel-local", audience: str = "whimbrel") -> None:
        self._issuer, self._audience = issuer, audience
        self._key = _key(jwks_path(data_dir))

    def issue(self, tenant: str, subject: str, roles: Sequence[str], ttl_s: int = 3_600, **claims: Any) -> str:
        """A token that is good for `ttl_s` seconds from now. Further claims, e.g. amr=["mfa"], are added as given."""
        now = now_us() // 1_000_000
        body = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "tenant": tenant,
            "roles": list(roles),
            "iat": now,
            "nbf": now,
            "exp": now + ttl_s,
            "jti": new_id(),
            **claims,
        }
        return jwt.encode({"alg": _ALGORITHM, "kid": self._key.kid}, body, self._key, algorithms=[_ALGORITHM])


def _key(jwks: Path) -> OKPKey:
    """The key of this directory. Two processes that make it at once end up with the same one."""
    private = jwks.with_name("key.json")
    jwks.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not private.exists():
        made = OKPKey.generate_key("Ed25519", {"kid": new_id()[:16], "use": "sig", "alg": _ALGORITHM}, private=True)
        _write_once(private, orjson.dumps(made.as_dict(private=True)))
    key = OKPKey.import_key(orjson.loads(private.read_bytes()))
    if not jwks.exists():
        _write_once(jwks, orjson.dumps({"keys": [key.as_dict(private=False)]}))
    return key


def _write_once(path: Path, content: bytes) -> None:
    """Create the file whole, readable by its owner only, unless somebody else was quicker."""
    new = path.with_name(f".{path.name}.{os.getpid()}.{new_id()[:8]}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink(missing_ok=True)
