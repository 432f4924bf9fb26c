"""Neither clock nor chance nor I/O gets into a decision: a planted call fails the build (D2, X9)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import libs.domain

FOLDER = Path(libs.domain.__file__).parent
ALLOWED = {"bisect", "collections.abc", "functools", "hashlib", "typing", "msgspec", "msgspec.structs"}
"""What a decider may import besides libs.contracts and its own package."""
BANNED_NAMES = {"open", "input", "print", "exec", "eval", "__import__", "globals", "id", "hash"}
"""Built-in functions that reach outside, or whose answer differs from process to process."""


def impurities(source: str) -> Iterator[str]:
    """What in a module could make the same decision come out differently."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if not _allowed(alias.name))
        elif isinstance(node, ast.ImportFrom):
            if not _allowed(node.module or ""):
                yield str(node.module)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in BANNED_NAMES:
            yield node.id


def _allowed(module: str) -> bool:
    return module in ALLOWED or module.startswith(("libs.contracts", "libs.domain"))


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.name)
def test_a_decider_imports_nothing_that_knows_time_chance_or_the_outside_X9(path: Path) -> None:
    assert list(impurities(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import time",
        "from datetime import datetime",
        "import random",
        "from uuid import uuid4",
        "import os",
        "import io",
        "import secrets",
        "def decide(state):\n    return __import__('time').time()",
        "def decide(state):\n    return hash(state)",
        "def decide(state):\n    import socket",
        "from libs.runtime.clock import now_us",
    ],
)
def test_a_planted_call_is_found_X9(planted: str) -> None:
    assert list(impurities(planted))


@pytest.mark.parametrize(
    "planted",
    ["import time\n\nNOW = time.time()\n", "import uuid\n\nID = uuid.uuid4()\n", "from datetime import datetime\n\nNOW = datetime.now()\n"],
)
def test_the_linter_finds_it_too_X9(planted: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", "libs/domain/planted.py", "-"]

    done = subprocess.run(command, input=planted, capture_output=True, text=True, check=False, cwd=FOLDER.parents[1])

    assert done.returncode == 1
    assert "TID251" in done.stdout
