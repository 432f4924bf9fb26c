"""A page cursor is signed with a secret that only ingress has, though nobody configured one (SEC9)."""

import hashlib

import pytest

from libs.edge.signing import SigningSettings, load_secrets
from libs.readmodel.cursor import Cursors
from tests.integration.ingress.conftest import World

_QUERY, _FIRST = ("letters", "cursors", "open", ""), [1 << 62, "", "", 0, 0]


@pytest.mark.parametrize(("guess", "status"), [("prefix", 422), ("", 422), ("master key", 200)])
def test_what_everybody_knows_signs_no_cursor_SEC9(world: World, guess: str, status: int) -> None:
    secrets = load_secrets(SigningSettings(data_dir=world.data_dir, environment="dev"))
    secret = {"prefix": world.prefix, "": "", "master key": secrets.of_cursors()}[guess]
    cursor = Cursors(hashlib.sha256(secret.encode()).digest()).encode(_QUERY, _FIRST)

    assert world.api("cursors").get(f"/v1/dead-letters?cursor={cursor}").status == status
