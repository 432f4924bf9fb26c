"""The Ed25519 key that seals are signed with, in a file of its owner's."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_CONTEXT = b"whimbrel seal 1\n"


class BadKey(ValueError):
    """A key file cannot be used; the message says why."""


class SealKey:
    """Signs seals. `path` holds the private key (32 bytes in hexadecimal), made the first time; the public one is beside it in `.pub`."""

    def __init__(self, path: Path) -> None:
        """Raises BadKey, OSError."""
        if not path.exists():
            _make(path)
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        except ValueError as error:
            raise BadKey(f"{path} holds no Ed25519 private key (64 hexadecimal digits)") from error

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, digest: bytes) -> bytes:
        """Signature of the SHA-256 of a seal's lines."""
        return self._key.sign(_CONTEXT + digest)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex() + "\n")
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    path.with_suffix(".pub").write_text(public.hex() + "\n", encoding="ascii")


def signed_by(public: bytes, signature: bytes, digest: bytes) -> bool:
    """Whether a signature of that key holds."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _CONTEXT + digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key(given: str) -> bytes:
    """A public key as given: 64 hexadecimal digits, or a file that holds them. Raises BadKey."""
    text = given
    if len(given) != 64 or not given.isalnum():
        try:
            text = Path(given).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadKey(f"{given} is neither a public key of 64 hexadecimal digits nor a file that can be read") from error
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise BadKey(f"{given} holds no public key of 64 hexadecimal digits")
    return found
