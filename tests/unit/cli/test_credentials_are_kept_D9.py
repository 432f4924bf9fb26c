"""`whimbrel credential set` keeps a secret where the requests of one tenant, and no other, may refer to it (D9)."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.cli.app import application
from libs.providers.credentials import BadReference, follow


def kept(data_dir: Path, *options: str) -> str:
    ended = CliRunner().invoke(
        application(), ["credential", "set", "shop", "--data-dir", str(data_dir), "--json", *options], input="hidden\n"
    )
    assert ended.exit_code == 0, ended.output
    return str(json.loads(ended.stdout)["reference"])


def test_what_is_kept_for_a_tenant_is_followed_for_it_alone_D9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIMBREL_CREDENTIAL_DIR", str(tmp_path / "credentials"))

    plain, acmes = kept(tmp_path), kept(tmp_path, "--tenant", "acme")

    assert (follow(plain, "default"), follow(acmes, "acme")) == ("hidden", "hidden")
    assert (tmp_path / "credentials" / "acme" / "shop").stat().st_mode & 0o777 == 0o600
    for reference, tenant in ((plain, "acme"), (acmes, "default")):
        with pytest.raises(BadReference):
            follow(reference, tenant)


def test_what_is_kept_lies_where_the_workers_look_D9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(tmp_path) == f"file:{tmp_path / 'credentials' / 'default' / 'shop'}"

    monkeypatch.setenv("WHIMBREL_CREDENTIAL_DIR", str(tmp_path / "secrets"))
    assert follow(kept(tmp_path), "default") == "hidden"


@pytest.mark.parametrize("tenant", ["..", "a/b", "Acme", ""])
def test_what_is_no_tenant_is_refused(tmp_path: Path, tenant: str) -> None:
    ended = CliRunner().invoke(
        application(), ["credential", "set", "shop", "--data-dir", str(tmp_path), "--tenant", tenant], input="hidden\n"
    )

    assert ended.exit_code == 2
    assert not list(tmp_path.iterdir())
