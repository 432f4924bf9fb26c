"""The cloud's books, held against how the log says each server ended."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from libs.testing.drill.checker.findings import FENCED, LEAKED, UNFIT, Findings
from libs.testing.drill.checker.story import Story

FENCE = "whimbrel:fence:"
BASEMENT = {"location": "basement", "status": "live"}
"""What a configuration item says of a server that never moved."""
OLD_ADDRESSES, IDLE = "192.0.2.", "Not started"
"""Where its record leads to, and what the factory says of it."""


class World(NamedTuple):
    """What the cloud said when everything had come to rest; `leaks` and `defects` in its own words."""

    books: Mapping[str, Mapping[str, Any]]
    leaks: Sequence[str]
    defects: Sequence[str]


def check_world(story: Story, world: World, found: Findings) -> None:
    """Nothing may be left but the targets of what is completed, and every other source must be as it was."""
    for leak in world.leaks:
        found.add(LEAKED, leak)
    for defect in world.defects:
        found.add(UNFIT, defect)
    for name, events in story.migrations.items():
        if name not in story.completed and events[0].kind == "MigrationRequested":
            _check_source(name, events[0].body["request"], world.books, found)
    for key, server in world.books.get("server", {}).items():
        migration = str(server["tags"].get("whimbrel:migration", "")).rpartition("/")[2]
        if migration not in story.completed and any(tag.startswith(FENCE) for tag in server["tags"]):
            found.add(FENCED, f"{migration}: source server {key} carries its fence")


def _check_source(name: str, request: Mapping[str, Any], books: Mapping[str, Mapping[str, Any]], found: Findings) -> None:
    source, options = json.loads(request["source"]), json.loads(request["options"] or "{}")
    instance = books.get("instance", {}).get(source.get("instance_id", ""))
    if instance is None or instance["stopped"] or instance["gone_at"]:
        found.add(FENCED, f"{name}: its source {source.get('instance_id')} does not run")
    item = books.get("ci", {}).get(options.get("cmdb", {}).get("item", ""), {})
    if any(item.get(field) != value for field, value in BASEMENT.items()) or item.keys() - {"name", *BASEMENT}:
        found.add(FENCED, f"{name}: its configuration item says {dict(item)}")
    dns = options.get("dns", {})
    record = books.get("zone", {}).get(dns.get("zone_id", ""), {}).get("records", {}).get(f"{dns.get('name', '')} A")
    leads_to = record["ResourceRecords"][0]["Value"] if record else "nothing"
    if not leads_to.startswith(OLD_ADDRESSES):
        found.add(FENCED, f"{name}: its record leads to {leads_to}")
    status = books.get("factory server", {}).get(options.get("factory", {}).get("server", ""), {}).get("migration_status")
    if status != IDLE:
        found.add(FENCED, f"{name}: the factory says of it {status!r}")
