"""A broker that has just come back may answer that a partition ends at -1: nothing follows from that (R3, X1)."""

from concurrent.futures import Future
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo

from libs.runtime.batches import Batches, Place
from libs.runtime.codec import Codec
from libs.runtime.errors import BrokenHistory


class Reader:
    """A consumer that finds nothing to read."""

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = places

    def poll(self, timeout: float) -> None:
        return None


class Ends:
    """An admin client to which every partition ends at one offset."""

    def __init__(self, end: int) -> None:
        self._end = end

    def list_offsets(self, wanted: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[ListOffsetsResultInfo]]:
        answers: dict[TopicPartition, Future[ListOffsetsResultInfo]] = {place: Future() for place in wanted}
        for answer in answers.values():
            answer.set_result(ListOffsetsResultInfo(self._end, -1, -1))
        return answers


def batches(end: int, stored: int) -> Batches:
    def positions(places: list[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, stored)

    return Batches(cast(Consumer, Reader()), cast(AdminClient, Ends(end)), cast(Codec, None), positions, 10)


@pytest.mark.parametrize("stored", [0, 7])
def test_reading_goes_on_from_where_it_was_R3(stored: int) -> None:
    reading = batches(-1, stored)

    reading.bound({("t", 0): 9})

    assert not reading.done()


def test_a_partition_is_not_taken_for_read_to_its_end_X1() -> None:
    unknown, known = batches(-1, 7), batches(7, 7)
    for reading in (unknown, known):
        reading.bound({("t", 0): 9})
        reading._end["t", 0] = 7

    assert [list(reading.read().complete) for reading in (unknown, known)] == [[], [("t", 0)]]


def test_an_end_before_what_was_read_is_still_refused_D4() -> None:
    with pytest.raises(BrokenHistory, match="ends before offset 7"):
        batches(3, 7).bound({("t", 0): 9})
