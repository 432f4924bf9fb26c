"""What these tests start is the scene of the chaos run, with its partitions."""

import pytest

from libs.testing.chaos.scene import PARTITIONS


@pytest.fixture
def partitions() -> int:
    """Partitions of each topic of `prefix`."""
    return PARTITIONS
