"""A listed migration that nobody asks for holds its wave open, until it is asked for and cancelled (O10)."""

import pytest

from libs.contracts.migration.commands import CancelMigration, RequestMigration
from libs.contracts.migration.request import Request
from libs.contracts.wave.commands import StartWave
from libs.contracts.wave.plan import Member
from libs.domain.wave.views import standing_of
from libs.testing.rehearsals import Live


@pytest.mark.parametrize("asked", ["before the start", "after the start"])
def test_a_member_that_never_comes_is_taken_off_by_asking_and_cancelling_O10(asked: str) -> None:
    live = Live()
    live.migration("there", wave="w")
    live.wave("w", Member(migration="there"), Member(migration="ghost"))
    live.give("migration", "there", CancelMigration(reason="done with"))
    if asked == "after the start":
        live.give("wave", "w", StartWave())
        assert live.states["wave", "w"].status == "running"

    request = Request(provider="rehearsal", application="billing", source="{}", target="{}", wave="w")
    live.give("migration", "ghost", RequestMigration(request=request))
    live.give("migration", "ghost", CancelMigration(reason="never comes"))
    if asked == "before the start":
        live.give("wave", "w", StartWave())

    assert dict(standing_of(live.states["wave", "w"])) == {"there": "cancelled", "ghost": "cancelled"}
    assert live.states["wave", "w"].status == "completed"
