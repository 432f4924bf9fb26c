"""Pages that derive from code are what the code says."""

import re
from pathlib import Path

import pytest

from libs.contracts.catalogue import MESSAGES
from libs.testing.pages import pages


@pytest.fixture(scope="module")
def derived() -> dict[Path, str]:
    return pages()


def test_no_generated_page_has_drifted(derived: dict[Path, str]) -> None:
    for path, text in derived.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} has drifted: run python -m libs.testing.pages"


def test_the_page_of_messages_shows_every_message(derived: dict[Path, str]) -> None:
    [text] = [text for path, text in derived.items() if path.name == "messages.md"]

    assert sorted(re.findall(r"^### (\w+)$", text, flags=re.MULTILINE)) == sorted(message.name for message in MESSAGES)
