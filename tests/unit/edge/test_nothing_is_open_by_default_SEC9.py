"""What decides how much is allowed has no default: a service that is not told its environment does not start (SEC3, SEC9)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from libs.edge.settings import IngressSettings
from libs.runtime.errors import Misconfigured
from libs.runtime.settings import Settings, load

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("ingress", "ingress.intake", "validator", "migrator", "verifier", "notifier", "projector")


@pytest.mark.parametrize("settings", [Settings, IngressSettings])
def test_there_is_no_environment_by_default_SEC9(settings: type[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHIMBREL_ENVIRONMENT", raising=False)
    monkeypatch.setenv("WHIMBREL_POSTGRES", "postgresql://me:hunter2@db/x")

    with pytest.raises(Misconfigured, match="WHIMBREL_ENVIRONMENT") as caught:
        load(settings)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_was_not_told_and_ends_SEC9(service: str, tmp_path: Path) -> None:
    told = {name: value for name, value in os.environ.items() if name != "WHIMBREL_ENVIRONMENT"} | {"WHIMBREL_DATA_DIR": str(tmp_path)}

    ended = subprocess.run([sys.executable, "-m", f"services.{service}"], env=told, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 3
    assert len(ended.stderr.splitlines()) == 1
    assert "WHIMBREL_ENVIRONMENT" in ended.stderr
    assert not list(tmp_path.iterdir())
