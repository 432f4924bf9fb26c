"""What a worker takes for a state: the headers decide, in the order in which the validator writes them or in another."""

from itertools import permutations
from typing import cast

from confluent_kafka import Consumer

from libs.runtime.codec import Codec, Headers
from libs.runtime.received import Received
from libs.runtime.registry import Registry
from libs.runtime.state_feed import StateFeed, Update

TOPIC, KEY = "t.migration.state", b"acme/m"
OURS: Headers = [
    ("ce_dataschema", b"urn"), ("content-type", b"application/avro"), ("version", b"7"), ("work", b"verifier"), ("wake", b"0"),
    ("traceparent", b""),
]  # fmt: skip


def forgotten(headers: Headers, value: bytes | None = b"state") -> bool:
    """Whether a state with these headers ends what the migrator had to do with the one before it."""
    feed = StateFeed(
        cast(Consumer, None), Codec(Registry("http://nowhere"), "t", "test"), [TOPIC], "migrator", wakes=False, deliver=print, dropped=print,
        died=print,
    )  # fmt: skip
    feed._concerned[TOPIC, 0] = {KEY}
    updates: dict[tuple[str, bytes], Update] = {}
    feed._take(Received(TOPIC, 0, 1, KEY, value, headers), updates)
    return updates == {(TOPIC, KEY): Update(TOPIC, 0, KEY, None, 0, b"")}


def test_a_state_of_others_work_ends_ours_whatever_the_order_of_its_headers() -> None:
    assert forgotten(OURS)
    assert forgotten([*OURS, ("more", b"")])
    assert all(forgotten(list(headers)) for headers in permutations(OURS))


def test_of_headers_that_come_twice_the_last_counts() -> None:
    assert forgotten([("work", b"migrator"), *OURS])
    assert forgotten([*OURS[:3], ("work", None), *OURS[3:]])
    assert not forgotten([*OURS, ("version", b"seven")])


def test_what_the_validator_did_not_write_changes_nothing() -> None:
    assert not forgotten(OURS, None)
    for wrong in (
        ("ce_dataschema", None),
        ("version", b"-7"),
        ("version", "7"),
        ("version", None),
        ("work", None),
        ("wake", b""),
        ("wake", None),
    ):
        assert not forgotten([header for header in OURS if header[0] != wrong[0]])
        if wrong[0] != "ce_dataschema":
            assert not forgotten([wrong if header[0] == wrong[0] else header for header in OURS])
