"""What holds for every test."""

import os
from collections.abc import Iterator

import pytest

ONE_WORLD = {"cli", "external", "ingress", "notifier", "postgres"}
"""Folders of integration tests that share servers or services which take seconds to start."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one worker run what shares a world, or else a file; each starts its world once."""
    for item in items:
        folder = item.path.parent
        together = folder.parent.name == "integration" and folder.name in ONE_WORLD
        item.add_marker(pytest.mark.xdist_group((folder if together else item.path).relative_to(item.config.rootpath).as_posix()))


@pytest.fixture(autouse=True)
def environment_is_left_as_it_was() -> Iterator[None]:
    """A variable that a test leaves behind is found by whatever the same process tests next."""
    before = _ours()
    yield
    assert _ours() == before


def _ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("WHIMBREL_")}
