"""A stranger's event that begins what is there already is refused like any that does not follow: the projector goes on (R7)."""

from typing import Any

import pytest

from libs.contracts.delivery import DeliveryRequested
from libs.contracts.migration.events import MigrationRequested
from libs.contracts.subscription import SubscriptionCreated
from libs.readmodel.facts import KINDS, Fact
from libs.readmodel.projecting import VIEWS
from libs.runtime.errors import BrokenHistory
from libs.testing.examples import EVENT_ENVELOPE, EXAMPLES


@pytest.mark.parametrize(
    ("aggregate", "first"), [("migration", MigrationRequested), ("delivery", DeliveryRequested), ("subscription", SubscriptionCreated)]
)
def test_a_second_beginning_is_broken_history(aggregate: str, first: type[Any]) -> None:
    evolve, fact = VIEWS[KINDS[aggregate]].evolve, Fact(KINDS[aggregate], 0, 1, EVENT_ENVELOPE, EXAMPLES[first], b"")

    with pytest.raises(BrokenHistory, match="begins a second time"):
        evolve(evolve(None, fact), fact)
