"""What holds for every test."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

ONE_WORLD = {f"tests/integration/{name}" for name in ("cli", "external", "ingress", "notifier", "postgres")}
"""Folders whose tests share servers or services which take seconds to start."""

settings.register_profile("untimed", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("untimed")


class _Worlds(LoadFileScheduling):
    """Gives a worker a whole file; or a whole folder, where its files share a world."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in ONE_WORLD else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Each world is started by one worker, once."""
    return _Worlds(config, log)


@pytest.fixture(autouse=True)
def environment_is_left_as_it_was() -> Iterator[None]:
    """A variable that a test leaves behind is found by whatever the same process tests next."""
    before = _ours()
    yield
    assert _ours() == before


def _ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("WHIMBREL_")}
