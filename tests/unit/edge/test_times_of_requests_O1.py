"""A time in a body is RFC 3339 text and nothing else, though the body takes no other type for another (O1)."""

import pytest
from pydantic import TypeAdapter, ValidationError

from libs.edge.approval_commands import WayBack
from libs.edge.asking import MomentText, micros_of
from libs.edge.capacity_commands import Override
from libs.edge.capacity_request import WindowInterval
from libs.edge.event_documents import time_of
from libs.edge.migration_request import MigrationRequest

REQUEST = '{"appName": "a", "provider": "p", "source": {}, "target": {}, "environment": "dev", "dueAt": %s}'
WENT_BACK = '{"passed": true, "evidence": "x", "at": "%s"}'
WINDOW = '{"begins": "2027-01-31T12:00:00Z", "ends": "%s"}'


def test_a_due_date_is_taken_O1() -> None:
    found = TypeAdapter(MigrationRequest).validate_json(REQUEST % '"2027-01-31T12:00:00+01:00"')

    assert found.command().request.due_at == 1_801_393_200_000_000


def test_a_time_that_may_be_null_is_taken_O22() -> None:
    taken = TypeAdapter(Override)
    until = [
        taken.validate_json(text).until for text in ('{"reason": "x", "until": null}', '{"reason": "x", "until": "2027-01-31T12:00:00Z"}')
    ]

    assert until[0] is None
    assert until[1] is not None


@pytest.mark.parametrize("given", ["1801393200", '"1801393200"', '"2027-01-31"', '"2027-01-31T12:00:00"', '"soon"', "true", "[]"])
def test_anything_else_is_refused_O1(given: str) -> None:
    with pytest.raises(ValidationError, match="dueAt"):
        TypeAdapter(MigrationRequest).validate_json(REQUEST % given)


SHOWN = ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
BEYOND = ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:00-00:01", "9999-12-31T23:59:59-14:00"]


@pytest.mark.parametrize("given", SHOWN)
def test_a_time_that_is_taken_can_be_answered_with_R11(given: str) -> None:
    found = TypeAdapter(WayBack).validate_json(WENT_BACK % given)

    assert found.at is not None
    assert time_of(micros_of(found.at))[:19] == given[:19]


@pytest.mark.parametrize("given", BEYOND)
def test_a_time_that_no_answer_could_be_written_with_is_refused_R11(given: str) -> None:
    for body, text in ((WayBack, WENT_BACK % given), (MigrationRequest, REQUEST % f'"{given}"'), (WindowInterval, WINDOW % given)):
        with pytest.raises(ValidationError, match="years 1970 to 9999"):
            TypeAdapter(body).validate_json(text)


@pytest.mark.parametrize("given", ["2027-01-31T12:00:00Z", "2027-01-31T12:00:00+01:00", "migration:3:42", "migration:0:1,wave:2:0"])
def test_a_query_is_about_a_time_or_a_position_X1(given: str) -> None:
    assert TypeAdapter(MomentText).validate_python(given) == given


@pytest.mark.parametrize("given", ["yesterday", "2027-01-31", "migration:3", "2027-01-31T12:00:00Z\n", ""])
def test_what_a_query_could_be_about_is_said_in_words_X1(given: str) -> None:
    with pytest.raises(ValidationError, match=r"write a time as RFC 3339 has it.*or a position"):
        TypeAdapter(MomentText).validate_python(given)
