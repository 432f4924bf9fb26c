"""Databases, options and secrets on the command line (SEC, U3)."""

from pathlib import Path

import pytest

from libs.cli.configuring import redacted
from libs.cli.endpoints import json_of, options, reference, side
from libs.cli.errors import CliError, Exit


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:hunter2@db.example.org/shop",
        "postgres://me:hunter2@db.example.org/shop",
        "postgresql://db.example.org/shop?user=me&password=hunter2",
    ],
)
def test_a_password_on_the_command_line_is_refused_with_the_remedy_and_never_repeated(dsn: str) -> None:
    with pytest.raises(CliError) as raised:
        side("source", dsn)

    assert raised.value.code == Exit.USAGE
    assert "credential set" in raised.value.line
    assert "env:NAME" in raised.value.line
    assert "hunter2" not in raised.value.line


@pytest.mark.parametrize("given", ["shop", "mysql://db/shop", "me:hunter2@db", "env:", "env:a b", "file:"])
def test_what_is_no_database_is_refused(given: str) -> None:
    with pytest.raises(CliError) as raised:
        side("target", given)

    assert "hunter2" not in raised.value.line
    assert "env:NAME" in raised.value.line


def test_references_and_addresses_without_password_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert side("source", "env:SHOP_DSN") == {"dsn": "env:SHOP_DSN"}
    assert side("source", "file:shop.dsn") == {"dsn": f"file:{tmp_path / 'shop.dsn'}"}
    assert side("source", "postgresql://me@db/shop") == {"dsn": "postgresql://me@db/shop"}


def test_a_password_in_the_place_of_a_reference_is_refused() -> None:
    with pytest.raises(CliError) as raised:
        reference("--source", "hunter2")

    assert "never the secret itself" in raised.value.line
    assert "hunter2" not in raised.value.line


def test_options_nest_by_dots_and_are_json_where_they_can_be() -> None:
    given = ["reverse=false", "max_lag_seconds=2.5", "connection.name=shop", "connection.file=/run/shop.json", 'roles="skip"']

    assert options(given) == {
        "reverse": False,
        "max_lag_seconds": 2.5,
        "connection": {"name": "shop", "file": "/run/shop.json"},
        "roles": "skip",
    }


@pytest.mark.parametrize("given", [["reverse"], ["=1"], ["a=1", "a.b=2"]])
def test_options_of_another_form_are_refused(given: list[str]) -> None:
    with pytest.raises(CliError, match="--option"):
        options(given)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("cursor_secret", "abc", "[redacted]"),
        ("cursor_secret", "", ""),
        ("postgres", "postgresql://me:pw@db:5432/w", "postgresql://me:[redacted]@db:5432/w"),
        ("kafka", "127.0.0.1:9092", "127.0.0.1:9092"),
        ("http_port", 8080, "8080"),
    ],
)
def test_secrets_are_hidden_when_settings_are_shown(name: str, value: object, shown: str) -> None:
    assert redacted(name, value) == shown


def test_a_file_that_is_not_there_or_no_json_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")

    with pytest.raises(CliError, match=r"nope.json cannot be read \(No such file or directory\)") as missing:
        json_of(tmp_path / "nope.json")
    with pytest.raises(CliError, match=r"broken.json is no JSON \(") as broken:
        json_of(tmp_path / "broken.json")

    assert (missing.value.code, broken.value.code) == (Exit.USAGE, Exit.USAGE)
