"""What the command line tells of a migration is what the decider's own fold says (U4)."""

import base64
from typing import Any

import msgspec
import pytest

from libs.cli.story import ENDS, Story
from libs.contracts.avro import schema_of
from libs.contracts.catalogue import EVENT, MESSAGES
from libs.domain.migration import DECIDER
from libs.edge.event_documents import event_document
from libs.testing import golden

MODELS = {message.name: message.model for message in MESSAGES if (message.folder, message.role) == ("migration", EVENT)}
LOGS = [name for name in golden.names() if name.startswith("migration")]


def recorded(name: str) -> list[tuple[Any, Any]]:
    """Envelopes and events of a recorded log."""
    lines = golden.path_of(name).read_bytes().splitlines()
    exchanges = [msgspec.json.decode(line, type=golden.Exchange) for line in lines]
    return [schema_of(MODELS[kind]).decode(base64.b64decode(body)) for one in exchanges for kind, body in one.events]


@pytest.mark.parametrize("name", LOGS)
def test_its_status_is_the_decider_s_after_every_event(name: str) -> None:
    state, story = DECIDER.initial, None
    for envelope, event in recorded(name):
        if not envelope.version:
            continue
        story = story or Story(envelope.aggregate)
        state = DECIDER.evolve(state, event)
        story.take(event_document("migration", envelope, event))

        assert story.status in (state.status, "requested")
        assert bool(story.end) == (state.mode in ("ended", "archived"))
        assert bool(story.stuck) == (state.mode in ("held", "stuck"))


def test_the_logs_hold_every_event_so_that_none_goes_untold() -> None:
    told = {type(event).__name__ for name in LOGS for _, event in recorded(name)}

    assert told == set(MODELS)


@pytest.mark.parametrize("name", LOGS)
def test_an_event_that_comes_twice_is_told_once(name: str) -> None:
    documents = [event_document("migration", envelope, event) for envelope, event in recorded(name) if envelope.version]
    once, twice = Story(documents[0]["id"]), Story(documents[0]["id"])

    lines = [once.take(document) for document in documents]
    again = [line for document in documents for line in (twice.take(document), twice.take(document))]

    assert [line for line in again if line] == [line for line in lines if line]
    assert once == twice


def test_every_end_is_an_event_of_the_catalogue() -> None:
    assert set(ENDS) <= set(MODELS)
