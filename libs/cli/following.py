"""Follows one migration to its end: history first, then the stream, with a look at progress every second."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from libs.cli.errors import CliError, Exit
from libs.cli.live_view import Gauge, View
from libs.cli.story import Story
from libs.runtime.clock import now_us

if TYPE_CHECKING:
    from libs.cli.client import Api

LOOK_S = 1.0
_TICK_S = 0.2
Stop = Callable[[Story], bool]
Heard = Callable[[dict[str, Any]], None]
Extras = Callable[[], dict[str, Gauge]]


def history(api: "Api", id_: str, *, at: str = "", min_position: str = "") -> tuple[list[dict[str, Any]], str]:
    """Every event document of a migration, oldest first, and the position they reflect. Raises CliError."""
    found: list[dict[str, Any]] = []
    cursor, position = "", ""
    while True:
        reply = api.get(f"/v1/migrations/{id_}/timeline", limit=500, cursor=cursor, at=at, min_position=min_position)
        found += reply.body["items"]
        position = position or reply.position
        cursor = reply.body.get("next") or ""
        if not cursor:
            return found, position


def ended(story: Story) -> bool:
    """Whether nothing follows any more, or nothing without an operator."""
    return bool(story.end or story.stuck)


class Follower:
    """Follows one migration, showing it as it goes on."""

    def __init__(self, api: "Api", id_: str, view: View, *, heard: Heard = lambda event: None, extras: Extras = dict) -> None:
        """`heard` is told of each event, `extras` gives further gauges to show."""
        self._api, self._view, self._heard, self._extras = api, view, heard, extras
        self.story = Story(id_)
        self.gauges: dict[str, Gauge] = {}
        self._queue: queue.Queue[Any] = queue.Queue()
        self._looked = 0.0

    def run(self, *, timeout_s: float = 0, min_position: str = "", until: Stop = ended) -> Story:
        """Follow until its end. Raises CliError for a timeout, an unknown migration, and when the API is away for long."""
        deadline = time.monotonic() + timeout_s if timeout_s else float("inf")
        events, position = history(self._api, self.story.id, min_position=min_position)
        for event in events:
            self._take(event)
        if not until(self.story):
            threading.Thread(target=self._read, args=(position,), daemon=True).start()
        while not until(self.story):
            if time.monotonic() > deadline:
                fix = f"look again with whimbrel watch {self.story.id}"
                raise CliError(f"{self.story.id} has not ended within {timeout_s:.0f} s (it is {self.story.status})", Exit.TIMEOUT, fix)
            self._step()
        self._look()
        return self.story

    def _step(self) -> None:
        try:
            found = self._queue.get(timeout=_TICK_S)
        except queue.Empty:
            found = None
        if isinstance(found, CliError):
            raise found
        if found is not None:
            self._take(found)
        elif time.monotonic() - self._looked > LOOK_S:
            self._look()
            self._show("")

    def _take(self, event: dict[str, Any]) -> None:
        before = self.story.running
        line = self.story.take(event)
        if self.story.running is not before:
            self.gauges.clear()
        self._show(line)
        self._heard(event)

    def _show(self, line: str) -> None:
        self._view.show(self.story, line, self.gauges | self._extras(), now_us())

    def _read(self, position: str) -> None:
        try:
            for event in stream(self._api, self.story.id, position):
                self._queue.put(event)
        except CliError as error:
            self._queue.put(error)

    def _look(self) -> None:
        """How far its work items are; not worth an error when that cannot be had."""
        self._looked = time.monotonic()
        try:
            found = self._api.get(f"/v1/migrations/{self.story.id}/progress").body
        except CliError:
            return
        running = self.story.running
        for one in found["items"]:
            if running is not None and self.story.steps[int(one["step"])] is running:
                self.gauges[one["unit"]] = (one["done"], one["total"])


def stream(api: "Api", id_: str, position: str) -> Iterator[dict[str, Any]]:
    """Event documents of a migration from a position on, without end; a stream that must begin anew begins with the history."""
    while True:
        for event in api.stream(f"/v1/migrations/{id_}/events", position):
            if event.name == "reset":
                anew, position = history(api, id_)
                yield from anew
                break
            yield event.data
