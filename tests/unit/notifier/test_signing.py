"""Secrets and signatures (SEC4): derived, rotatable, accepted by the upstream verifier, useless once tampered with."""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from libs.edge.signing import Secrets, SigningSettings, load_secrets
from libs.runtime.clock import now_us
from libs.runtime.errors import Misconfigured
from libs.runtime.settings import load
from libs.telling.posting import signed_headers

SECRETS = Secrets(b"k" * 32)
PAYLOAD = '{"type":"migration.completed","data":{"text":"\u00e9\u2028"}}'


def test_a_secret_is_as_standard_webhooks_wants_it_and_its_own_for_everybody_SEC4() -> None:
    made = {
        SECRETS.of_subscription("acme", "sub-1", 1),
        SECRETS.of_subscription("acme", "sub-1", 2),
        SECRETS.of_subscription("acme", "sub-2", 1),
        SECRETS.of_subscription("other", "sub-1", 1),
        SECRETS.of_callbacks("acme"),
        SECRETS.of_callbacks("other"),
        Secrets(b"l" * 32).of_callbacks("acme"),
    }

    assert len(made) == 7
    assert all(secret.startswith("whsec_") and 24 <= len(base64.b64decode(secret[6:])) <= 64 for secret in made)


def test_the_formula_of_a_secret_never_changes_SEC4() -> None:
    assert SECRETS.of_subscription("acme", "sub-1", 1) == "whsec_g+HiuizpimLvLJAR72ezeg0gizhpGmsmh85eRjdvv+Y="
    assert SECRETS.of_callbacks("acme") == "whsec_HqudrEMQhS7a9Zza7H8kyEjb/QcTHMJeLtkwMQ983hU="


def test_the_upstream_verifier_accepts_either_secret_of_a_rotation_SEC4() -> None:
    old, new = SECRETS.of_subscription("acme", "sub-1", 1), SECRETS.of_subscription("acme", "sub-1", 2)
    headers = signed_headers("d-1", PAYLOAD, [new, old], now_us())

    for secret in (old, new):
        assert Webhook(secret).verify(PAYLOAD, headers)["type"] == "migration.completed"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.of_subscription("acme", "sub-1", 3)).verify(PAYLOAD, headers)


def test_one_changed_bit_or_an_old_timestamp_fails_SEC4() -> None:
    secret = SECRETS.of_callbacks("acme")
    headers = signed_headers("d-1", PAYLOAD, [secret], now_us())
    verifier = Webhook(secret)

    with pytest.raises(WebhookVerificationError):
        verifier.verify(PAYLOAD.replace("completed", "complfted"), headers)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(PAYLOAD, headers | {"webhook-id": "d-2"})
    with pytest.raises(WebhookVerificationError):
        verifier.verify(PAYLOAD, signed_headers("d-1", PAYLOAD, [secret], now_us() - 301_000_000))


def test_the_key_file_is_made_once_in_dev_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = load(SigningSettings, data_dir=tmp_path / "new", environment="dev")

    first = load_secrets(settings).of_callbacks("acme")

    assert load_secrets(settings).of_callbacks("acme") == first
    path = tmp_path / "new" / "signing.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["signing.key"]


def test_without_a_key_another_environment_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="WHIMBREL_SIGNING_KEY_FILE"):
        load_secrets(load(SigningSettings, data_dir=tmp_path, environment="prod"))


@pytest.mark.parametrize("key", ["c2hvcnQ=", "not base64 but certainly long enough to be a key"])
def test_a_key_that_is_none_is_refused_without_being_repeated_SEC9(key: str) -> None:
    with pytest.raises(Misconfigured, match="WHIMBREL_SIGNING_KEY") as refusal:
        load_secrets(load(SigningSettings, environment="prod", signing_key=SecretStr(key)))

    assert key not in str(refusal.value)
