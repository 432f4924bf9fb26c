"""Policies are pure and bounded, and name each command by what it follows from (D1, D6)."""

from typing import Any

import pytest

from libs.contracts.catalogue import EVENT, MESSAGES
from libs.contracts.envelope import EventEnvelope
from libs.contracts.migration.commands import PauseMigration
from libs.contracts.migration.events import MigrationCompleted
from libs.domain.policies import POLICIES
from libs.domain.policy import MOST_COMMANDS, Policy, To, TooManyCommands, consequences
from libs.testing.examples import EVENT_ENVELOPE

EVENTS = {message.model for message in MESSAGES if message.role == EVENT}
PAUSE = PauseMigration(reason="test")


def telling(*commands: To) -> Policy:
    return Policy("test", lambda event, envelope, state: commands)


def sent(policy: Policy, envelope: EventEnvelope = EVENT_ENVELOPE) -> list[tuple[str, Any, Any]]:
    return list(consequences(policy, MigrationCompleted(steps=1), envelope, None))


def test_a_command_says_what_it_follows_from_D1() -> None:
    [(kind, envelope, body)] = sent(telling(To("migration", "mig-8", PAUSE)))

    assert (kind, body, envelope.aggregate, envelope.actor) == ("migration", PAUSE, "mig-8", "policy:test")
    assert (envelope.tenant, envelope.environment, envelope.correlation_id) == ("acme", "prod", EVENT_ENVELOPE.correlation_id)
    assert (envelope.occurred_at, envelope.expected_version) == (EVENT_ENVELOPE.recorded_at, -1)
    assert envelope.command_id == "25182d3b5e83ac7fda83f5871ae6b756"


def test_a_commands_id_is_that_of_event_policy_and_target_D1() -> None:
    one, two = To("migration", "mig-8", PAUSE), To("migration", "mig-9", PAUSE)
    ids = [envelope.command_id for _, envelope, _ in sent(telling(one, two, one._replace(kind="wave")))]
    [(_, other_event, _)] = sent(telling(one), envelope=EventEnvelope(**_fields(EVENT_ENVELOPE) | {"event_id": "another"}))
    [(_, other_policy, _)] = sent(Policy("other", lambda event, envelope, state: [one]))

    assert ids == [envelope.command_id for _, envelope, _ in sent(telling(one, two, one._replace(kind="wave")))]
    assert len({*ids, other_event.command_id, other_policy.command_id}) == 5


def test_one_event_leads_to_a_hundred_commands_at_most_D6() -> None:
    commands = [To("migration", f"mig-{number}", PAUSE) for number in range(MOST_COMMANDS + 1)]

    assert len(sent(telling(*commands[:-1]))) == 100
    with pytest.raises(TooManyCommands, match="policy test asks for 101 commands"):
        sent(telling(*commands))


def test_every_policy_follows_from_an_event_that_exists_and_has_a_name_of_its_own_D1() -> None:
    assert POLICIES.keys() <= EVENTS
    assert len({policy.name for policy in POLICIES.values()}) == len(POLICIES)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
