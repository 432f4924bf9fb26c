"""Models and bytes: what is written is what Avro says, and what is read is what was written."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.avro import Undecodable, encode_value, hash_of, schema_of
from libs.contracts.catalogue import MESSAGES
from libs.contracts.migration.events import StepSucceeded
from libs.contracts.migration.plan import Plan
from libs.testing.examples import COMMAND_ENVELOPE, EVENT_ENVELOPE, EXAMPLES, PLAN, VARIANTS, envelope_for

INSTANCES = (*EXAMPLES.values(), *VARIANTS)
STEP = schema_of(StepSucceeded)


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: type(instance).__name__)
def test_a_message_comes_back_as_it_was_written_R12(instance: Any) -> None:
    schema = schema_of(type(instance))
    envelope = envelope_for(schema.envelope)

    assert schema.decode(schema.encode(instance, envelope)) == (envelope, instance)


def test_every_message_has_an_example() -> None:
    assert {message.model for message in MESSAGES} == set(EXAMPLES)


@pytest.mark.parametrize("envelope", [COMMAND_ENVELOPE, EVENT_ENVELOPE], ids=lambda envelope: type(envelope).__name__)
def test_an_envelope_has_a_value_in_every_field(envelope: Any) -> None:
    assert all(getattr(envelope, name) not in ("", b"", 0) for name in envelope.__struct_fields__)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, None, [1], b"x"])
def test_evidence_that_no_schema_holds_is_refused_when_it_is_written(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        STEP.encode(StepSucceeded(work_id="w", step=0, name="s", evidence={"x": value}), EVENT_ENVELOPE)


@settings(max_examples=300)
@given(st.data())
def test_damaged_bytes_are_refused_or_read_but_never_trip_the_reader_R11(data: st.DataObject) -> None:
    encoded = bytearray(STEP.encode(EXAMPLES[StepSucceeded], EVENT_ENVELOPE))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = bytes(encoded[: data.draw(st.integers(0, len(encoded)))])
    with suppress(Undecodable):
        STEP.decode(damaged)


def test_bytes_after_the_end_are_refused_R11() -> None:
    with pytest.raises(Undecodable, match="3 bytes follow"):
        STEP.decode(STEP.encode(EXAMPLES[StepSucceeded], EVENT_ENVELOPE) + b"abc")


def test_the_hash_of_an_event_depends_on_nothing_but_its_schema_and_its_bytes() -> None:
    encoded = encode_value(PLAN)

    assert hash_of(schema_of(Plan).fingerprint, encoded) != hash_of(STEP.fingerprint, encoded)
    assert hash_of(b"fingerprint", b"body").hex() == "52da5ec5be13d36f8dbb11b8c27e4697395dbddd8790e8af76aba0cf52f53ac1"
