"""Follows the committed events while faults happen: how long each fault kept them away, and where every migration stands."""

import threading
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import KafkaException

from libs.testing.chaos.nemesis import Struck
from libs.testing.chaos.recording import Tape
from libs.testing.chaos.reference import Illegal, Model


class Watcher:
    """Reads events in a thread of its own until `stop`."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._tape = Tape(bootstrap, [topic], partitions)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._models: dict[bytes, Model] = defaultdict(Model)
        self._produced: list[int] = []
        self.events = 0
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read nothing further."""
        self._stopping.set()
        self._thread.join()
        self._tape.close()

    def unfinished(self) -> dict[bytes, tuple[str, str]]:
        """Mode and wait of each migration that has not ended, as far as read."""
        with self._lock:
            return {
                key: (model.mode, model.awaiting) for key, model in self._models.items() if model.mode not in ("ended", "archived", "new")
            }

    @property
    def known(self) -> int:
        """How many migrations have a history."""
        with self._lock:
            return sum(model.mode != "new" for model in self._models.values())

    def recovery_s(self, struck: Struck) -> float | None:
        """Seconds from a fault to the next event that was committed: by the producer's clock, which is this machine's."""
        with self._lock:
            at = bisect_right(self._produced, struck.at_ms)
            return (self._produced[at] - struck.at_ms) / 1000 if at < len(self._produced) else None

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(KafkaException):  # the broker is one of those that are killed
                self._take()

    def _take(self) -> None:
        logged = self._tape.some()
        with self._lock:
            for event in logged:
                self.events += 1
                insort(self._produced, event.timestamp_ms)
                if event.kind and event.envelope.get("version"):
                    with suppress(Illegal):
                        self._models[event.key].take(event.kind, event.body)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank); 0 of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else 0.0
