"""Where a partition begins and ends is asked again while nobody leads it (D10)."""

from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from libs.runtime import kafka


class Leaderless:
    """Answers from the given call on."""

    def __init__(self, answers_at: int) -> None:
        self._answers_at, self.asked = answers_at, 0

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> Any:
        self.asked += 1
        if self.asked < self._answers_at:
            raise KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION))
        return 3, 9


def test_it_is_asked_until_it_is_led_D10() -> None:
    reader = Leaderless(3)

    assert kafka.edges(cast(Consumer, reader), "t", 0) == (3, 9)
    assert reader.asked == 3


def test_patience_ends_D10() -> None:
    with pytest.raises(KafkaException):
        kafka.edges(cast(Consumer, Leaderless(1_000)), "t", 0, patience_s=0.3)
