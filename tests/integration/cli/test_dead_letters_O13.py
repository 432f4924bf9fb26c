"""Dead letters on the command line: list, show, correct and replay, discard with a reason (O13)."""

import json
from typing import Any

from confluent_kafka import Producer

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World, rehearsal


def letters(world: World, status: str = "open") -> list[dict[str, Any]]:
    return list(world.run("dlq", "list", "--status", status, "--json").json["items"])


def poison(world: World, detail: str) -> str:
    """Send something that intake cannot take; returns the letter's id."""
    producer = Producer({"bootstrap.servers": world.environment["WHIMBREL_KAFKA"]})
    producer.produce(
        f"{world.environment['WHIMBREL_PREFIX']}.intake", json.dumps({"migrationId": detail, "stepz": 1}), headers={"tenant": "default"}
    )
    assert producer.flush(10) == 0
    known = {one["id"] for one in letters(world)}
    wait_until(
        lambda: {one["id"] for one in letters(world)} - known or any(detail in (world.run("dlq", "show", id_).out) for id_ in known),
        "the letter is listed",
    )
    return next(one["id"] for one in letters(world) if detail in world.run("dlq", "show", one["id"]).out)


def test_a_letter_is_corrected_and_replayed(world: World) -> None:
    letter = poison(world, "mistyped")

    ended = world.run("dlq", "replay", letter, "--payload", "-", given=rehearsal("mistyped", steps=1))

    assert (ended.code, ended.out) == (0, f"{letter}: replayed\n")
    wait_until(lambda: world.run("show", "mistyped", "--json").json.get("status") == "completed", "the corrected request was carried out")
    assert letter in {one["id"] for one in letters(world, "replayed")}


def test_a_letter_is_discarded_for_a_reason_and_only_when_named(world: World) -> None:
    letter = poison(world, "junk")

    assert world.run("dlq", "discard", letter, "--reason", "junk").code == 2
    assert world.run("dlq", "discard", letter, "--reason", "junk", "--yes").code == 0
    wait_until(lambda: letter in {one["id"] for one in letters(world, "discarded")}, "it is discarded")
    assert "junk" in world.run("dlq", "show", letter).out
