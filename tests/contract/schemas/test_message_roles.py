"""Every message has one role that writes it and somebody who reads it."""

from typing import Any

import pytest

from libs.contracts.catalogue import COMMAND, EVENT, MESSAGES, STATE, VALUE, Message
from libs.contracts.topics import AGGREGATES, TOPICS, Topic
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Context
from libs.testing.examples import EXAMPLES

CONTEXT = Context(tenant="acme", aggregate="mig-7", actor="subject-1", now=1)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
ON_TOPICS = [message for message in MESSAGES if message.topic]
WORKERS = {"migrator", "verifier", "notifier"}
POLICIES = {"validator"}


def writers(message: Message) -> set[str]:
    """Roles that write a message: people through ingress, workers, or the validator, by itself or for a policy."""
    topic = set(BY_NAME[message.topic].writers)
    if message.role != COMMAND:
        return topic
    decider = DECIDERS[message.folder]
    return topic & ({"ingress"} if message.model in decider.client_commands else WORKERS) | topic & POLICIES


@pytest.mark.parametrize("message", ON_TOPICS, ids=lambda message: f"{message.folder}-{message.name}")
def test_a_message_has_a_writer_and_a_reader_D1(message: Message) -> None:
    assert writers(message)
    assert BY_NAME[message.topic].readers


@pytest.mark.parametrize("message", [m for m in ON_TOPICS if m.folder in AGGREGATES and m.role in (EVENT, STATE)], ids=lambda m: m.name)
def test_only_the_validator_writes_history_D1(message: Message) -> None:
    assert writers(message) == {"validator"}


@pytest.mark.parametrize("message", [m for m in MESSAGES if m.role == COMMAND], ids=lambda m: f"{m.folder}-{m.name}")
def test_a_command_is_read_by_the_decider_of_its_aggregate_and_comes_from_people_or_workers_never_both_D1(message: Message) -> None:
    decider = DECIDERS[message.folder]

    decider.decide(decider.initial, EXAMPLES[message.model], CONTEXT)
    assert writers(message) - POLICIES in ({"ingress"}, WORKERS)


@pytest.mark.parametrize("message", [m for m in MESSAGES if m.role == EVENT], ids=lambda m: f"{m.folder}-{m.name}")
def test_an_event_is_folded_by_the_decider_of_its_aggregate_D2(message: Message) -> None:
    decider = DECIDERS[message.folder]

    assert isinstance(decider.evolve(decider.initial, EXAMPLES[message.model]), decider.state)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_an_aggregate_has_a_decider_and_one_state_record_D1(aggregate: str) -> None:
    states = [message.model for message in MESSAGES if (message.folder, message.role) == (aggregate, STATE)]

    assert states == [DECIDERS[aggregate].state]


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_a_decider_knows_no_other_commands_and_events_than_the_catalogue_D1(aggregate: str) -> None:
    decider = DECIDERS[aggregate]
    models = {message.model for message in MESSAGES if message.folder == aggregate}
    strangers: set[Any] = {message.model for message in MESSAGES} - models

    assert decider.client_commands <= models
    for model in strangers:
        with pytest.raises(KeyError):
            decider.evolve(decider.initial, EXAMPLES[model])
        with pytest.raises(KeyError):
            decider.decide(decider.initial, EXAMPLES[model], CONTEXT)


def test_every_topic_but_intake_carries_messages_of_the_catalogue() -> None:
    assert {message.topic for message in ON_TOPICS} == set(BY_NAME) - {"intake"}
    assert all((message.topic == "") == (message.role == VALUE) for message in MESSAGES)
