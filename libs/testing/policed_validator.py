"""A validator with a policy of its own: a delivery for every migration requested. `python -m libs.testing.policed_validator`.

For tests of how policies' commands are written, whatever the policies that ship.
"""

import sys
from typing import Any

from libs.contracts.delivery import RequestDelivery
from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration.events import MigrationRequested
from libs.domain.policies import POLICIES
from libs.domain.policy import Policies, Policy, To
from libs.testing.examples import MESSAGE
from services.validator import __main__ as validator

TOO_MANY = "too-many"
"""Application of a request that leads to one command more than one event may."""


def _deliver(event: MigrationRequested, envelope: EventEnvelope, state: Any) -> list[To]:
    count = 101 if event.request.application == TOO_MANY else 2
    return [To("delivery", f"{envelope.aggregate}-{number}", RequestDelivery(message=MESSAGE)) for number in range(count)]


POLICED: Policies = {**POLICIES, MigrationRequested: Policy("deliver", _deliver)}

if __name__ == "__main__":
    setattr(validator, "POLICIES", POLICED)  # noqa: B010 - the one difference
    sys.exit(validator.main())
