"""Every variable that a service or a provider reads is shown, and one that nothing reads is named (U8)."""

import re
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from libs.cli.app import application
from libs.edge.settings import IngressSettings
from libs.providers.variables import VARIABLES
from libs.telling.settings import NotifierSettings

ROOT = Path(__file__).resolve().parents[3]


def shown(folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, dict[str, str]]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(application(), ["config", "show", "--json", "--data-dir", str(folder)])
    assert result.exit_code == 0, result.output
    return {one["variable"]: one for one in orjson.loads(result.stdout)}


def test_every_setting_of_the_services_is_shown_U8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = set[str]().union(*(re.findall(r"load\((\w+)\)", path.read_text()) for path in (ROOT / "services").glob("*/__main__.py")))
    found = shown(tmp_path, monkeypatch, WHIMBREL_WEBHOOK_PER_HOST="9")

    assert models == {"Settings", "TellingSettings", "NotifierSettings", "IngressSettings"}
    assert {f"WHIMBREL_{name.upper()}" for name in IngressSettings.model_fields | NotifierSettings.model_fields} | set(VARIABLES) <= set(
        found
    )
    assert (found["WHIMBREL_WEBHOOK_PER_HOST"]["value"], found["WHIMBREL_WEBHOOK_PER_HOST"]["source"]) == ("9", "environment")


def test_every_variable_that_a_provider_reads_is_listed_U8() -> None:
    read = {
        name for path in (ROOT / "libs/providers").rglob("*.py") for name in re.findall(r'environ\.get\("(WHIMBREL_\w+)"', path.read_text())
    }

    assert read - {"WHIMBREL_DEFAULT_TENANT"} == set(VARIABLES)


def test_a_variable_that_nothing_reads_is_named_and_its_value_is_not_shown_U8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown(tmp_path, monkeypatch, WHIMBREL_SIGNING_KAY="hunter2", WHIMBREL_DEMO_ROWS="9", WHIMBREL_URL="http://x")

    assert [name for name, one in found.items() if one["source"] == "unknown"] == ["WHIMBREL_SIGNING_KAY"]
    assert found["WHIMBREL_SIGNING_KAY"]["value"] == "[redacted]"
    assert found["WHIMBREL_SIGNING_KAY"]["meaning"] == "nothing reads it; is it WHIMBREL_SIGNING_KEY?"
