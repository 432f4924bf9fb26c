"""What a capacity may be set to at the door is what its decider takes: no more, no less (O22)."""

import pytest
from pydantic import ValidationError

from libs.domain.capacity.granting import MOST_HELD
from libs.domain.capacity.setting import LONGEST_LOCKOUT_MS, MOST_PER_MINUTE
from libs.edge.capacity_request import CapacityRequest

BOUNDS = {"limit": MOST_HELD, "perMinute": MOST_PER_MINUTE, "lockoutMs": LONGEST_LOCKOUT_MS}


@pytest.mark.parametrize(("field", "most"), BOUNDS.items())
def test_the_most_is_taken_and_one_more_is_refused_by_name_O22(field: str, most: int) -> None:
    CapacityRequest.model_validate({field: most})
    with pytest.raises(ValidationError) as raised:
        CapacityRequest.model_validate({field: most + 1})

    assert [error["loc"] for error in raised.value.errors()] == [(field,)]
