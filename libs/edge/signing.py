"""Secrets that webhooks are signed with: derived from one master key, so that none is ever stored or on the log.

A secret is HMAC-SHA256(master key, purpose / tenant / subscription / generation), shown as Standard Webhooks has it (`whsec_`
and Base64). Rotation raises the generation; the one before it signs as well until the overlap has passed.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from pydantic import Field, SecretStr

from libs.runtime.clock import new_id
from libs.runtime.errors import Misconfigured
from libs.runtime.settings import Settings

_FEWEST_BYTES = 32
_HOW = "a key is Base64 of at least 32 random bytes, e.g. from `openssl rand -base64 32`"


class SigningSettings(Settings):
    """Where the master key comes from. Ingress and notifier must be given the same one."""

    data_dir: Path = Field(Path(".whimbrel"), description="Directory of what this machine keeps for itself")
    signing_key: SecretStr = Field(SecretStr(""), description="Master key of webhook secrets, Base64; wins over the file")
    signing_key_file: Path | None = Field(None, description="File of the master key; signing.key below the data directory when left out")


class Secrets:
    """Webhook secrets of every tenant. The formula is what receivers have configured: never change it."""

    def __init__(self, master: bytes) -> None:
        self._master = master

    def of_subscription(self, tenant: str, subscription: str, generation: int) -> str:
        """Secret of a generation (from 1) of a subscription, as its owner configures it: `whsec_...`."""
        return self._derived(f"subscription/{tenant}/{subscription}/{generation}")

    def of_callbacks(self, tenant: str) -> str:
        """Secret that signs what the callback URLs of a tenant's migrations are sent."""
        return self._derived(f"callback/{tenant}/1")

    def ticket(self, work_id: str, attempt: int) -> str:
        """What a report of an attempt must bring back: told with the work, good for nothing else (`external` provider)."""
        digest = hmac.new(self._master, f"whimbrel-ticket/{work_id}#{attempt}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def of_cursors(self) -> str:
        """Secret that signs page cursors: one for all instances, and known to nobody outside."""
        return hmac.new(self._master, b"whimbrel-cursor", hashlib.sha256).hexdigest()

    def _derived(self, purpose: str) -> str:
        digest = hmac.new(self._master, f"whimbrel-webhook/{purpose}".encode(), hashlib.sha256).digest()
        return "whsec_" + base64.b64encode(digest).decode()


def load_secrets(settings: SigningSettings) -> Secrets:
    """Secrets under the configured master key; in the environment dev a missing file is made, readable by its owner only.

    Raises Misconfigured, naming the variable and never the key.
    """
    given = settings.signing_key.get_secret_value()
    if given:
        return Secrets(_key("WHIMBREL_SIGNING_KEY", given))
    path = settings.signing_key_file or settings.data_dir / "signing.key"
    if settings.environment == "dev":
        _make(path)
    try:
        return Secrets(_key(f"WHIMBREL_SIGNING_KEY_FILE ({path})", path.read_text(encoding="ascii")))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"WHIMBREL_SIGNING_KEY_FILE: cannot read {path} ({type(error).__name__}); {_HOW}") from error


def _key(name: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _FEWEST_BYTES:
        raise Misconfigured(f"{name} holds no key; {_HOW}")
    return key


def _make(path: Path) -> None:
    """Create the file whole unless there is one; of two processes at once both end up with the same key."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}.{new_id()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_FEWEST_BYTES)) + b"\n")
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink(missing_ok=True)
