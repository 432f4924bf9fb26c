"""Every aggregate there is, by name. One row an aggregate; nothing registers itself."""

from libs.domain import capacity, delivery, migration, subscription, wave
from libs.domain.decider import Decider

DECIDERS: dict[str, Decider] = {
    decider.aggregate: decider for decider in (migration.DECIDER, delivery.DECIDER, subscription.DECIDER, capacity.DECIDER, wave.DECIDER)
}
