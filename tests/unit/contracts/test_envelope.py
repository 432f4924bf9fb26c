"""`follow` alone fills an event's envelope; keys and ids have formats that never change."""

from msgspec.structs import replace

from libs.contracts.envelope import event_id_of, follow, key_of
from libs.contracts.work import work_id_of
from libs.testing.examples import AT, COMMAND_ENVELOPE


def test_an_event_copies_correlation_and_names_its_cause_O2() -> None:
    event = follow(COMMAND_ENVELOPE, ordinal=1, version=14, recorded_at=AT, previous=b"p", digest=b"d")

    assert (event.correlation_id, event.causation_id) == (COMMAND_ENVELOPE.correlation_id, COMMAND_ENVELOPE.command_id)
    assert (event.tenant, event.aggregate, event.environment, event.actor) == ("acme", "mig-7", "prod", "migrator")
    assert (event.version, event.previous, event.command_digest) == (14, b"p", b"d")


def test_an_event_has_two_clocks_X2() -> None:
    event = follow(COMMAND_ENVELOPE, ordinal=0, version=1, recorded_at=AT, previous=b"", digest=b"")

    assert (event.occurred_at, event.recorded_at) == (COMMAND_ENVELOPE.occurred_at, AT)


def test_event_ids_differ_by_aggregate_command_payload_and_ordinal_D10() -> None:
    ids = {
        event_id_of(tenant, aggregate, command, digest, ordinal)
        for tenant in ("acme", "other")
        for aggregate in ("mig-7", "mig-8")
        for command in ("key", "key-1")
        for digest in (b"", b"payload")
        for ordinal in (0, 1)
    }

    assert len(ids) == 32


def test_the_same_command_decided_again_gives_the_same_event_id_D10() -> None:
    again = replace(COMMAND_ENVELOPE, occurred_at=AT + 1, actor="somebody else")

    first, second = (follow(c, ordinal=0, version=1, recorded_at=AT, previous=b"", digest=b"") for c in (COMMAND_ENVELOPE, again))
    assert first.event_id == second.event_id


def test_the_formats_that_the_outside_world_keeps_D3_D9() -> None:
    assert key_of("acme", "mig-7") == b"acme/mig-7"
    assert work_id_of("acme", "mig-7", "3", "-", "apply", 1) == "acme/mig-7/3/-/apply/1"
