"""Words for telling the history of a wave in a test."""

from typing import Any

from libs.contracts.wave import commands as c
from libs.contracts.wave import events as e
from libs.contracts.wave.plan import Member, WaveSettings
from libs.domain.wave import DECIDER
from libs.domain.wave.views import standing_of
from libs.testing.given_when_then import History, given


def member(migration: str, *depends_on: str) -> Member:
    """A member and what it depends on."""
    return Member(migration=migration, depends_on=depends_on)


def planned(*members: Member, **settings: Any) -> History:
    """A wave that was planned and has these members."""
    history = given(DECIDER).when(c.PlanWave(settings=WaveSettings(**settings))).then_something()
    return history.when(c.AddMembers(members=members)).then(e.MembersAdded(members=members)) if members else history


def begun(*members: Member, **settings: Any) -> History:
    """A wave that was started, and whose first members have begun."""
    history = planned(*members, **settings).when(c.StartWave()).then_something()
    return hear(history, "begun", *admitted_of(history))


def admitted_of(history: History) -> list[str]:
    """Members that were admitted and not heard of since, in the order of the members."""
    return [migration for migration, name in standing_of(history.state) if name == "admitted"]


def hear(history: History, outcome: str, *migrations: str) -> History:
    """The same wave after these members have come so far."""
    for migration in migrations:
        history = history.when(note(migration, outcome)).then_something()
    return history


def note(migration: str, outcome: str, reason: str = "") -> c.NoteMember:
    """What a member's policy tells its wave."""
    return c.NoteMember(migration=migration, outcome=outcome, reason=reason)


def noted(migration: str, outcome: str, reason: str = "", blocked: tuple[str, ...] = ()) -> e.MemberNoted:
    """The event that follows `note`."""
    return e.MemberNoted(migration=migration, outcome=outcome, reason=reason, blocks=len(blocked), blocked=blocked)


def admitted(*migrations: str, step: int, more: bool = False) -> e.MembersAdmitted:
    """Members that may begin."""
    return e.MembersAdmitted(migrations=migrations, step=step, more=more)


def told(action: str, *migrations: str, step: int, cursor: int = -1, reason: str = "x") -> e.MembersTold:
    """Members that are told something."""
    return e.MembersTold(action=action, migrations=migrations, reason=reason, cursor=cursor, step=step)
