"""Callbacks: one id never with two contents, one event never under two ids, every end told."""

import json
from collections.abc import Iterable

from libs.testing.drill.checker.findings import CALLBACKS, UNTOLD, Findings
from libs.testing.drill.checker.story import Story

Callback = tuple[str, bytes]
"""The webhook-id and the body, as they came."""


def check_callbacks(story: Story, callbacks: Iterable[Callback], found: Findings) -> None:
    """Hold what came against itself and against the ends on the log."""
    bodies: dict[str, bytes] = {}
    ids: dict[str, str] = {}
    told: set[str] = set()
    for webhook_id, body in callbacks:
        if bodies.setdefault(webhook_id, body) != body:
            found.add(CALLBACKS, f"{webhook_id} came with another content")
        data = json.loads(body)["data"]
        told.add(data["eventId"])
        if ids.setdefault(data["eventId"], webhook_id) != webhook_id:
            found.add(CALLBACKS, f"event {data['eventId']} came as {ids[data['eventId']]} and as {webhook_id}")
    for name, end in story.ends.items():
        if end.body["envelope"]["event_id"] not in told:
            found.add(UNTOLD, f"{name}: {end.kind}")
