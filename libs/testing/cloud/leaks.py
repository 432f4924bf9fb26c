"""What the books hold that nobody wants any more."""

from collections.abc import Iterator

from libs.testing.cloud.books import Document
from libs.testing.cloud.world import World

TAG = "whimbrel:migration"


def leaks(world: World, completed: set[str]) -> list[str]:
    """Everything left of migrations that did not complete, and what completed ones have besides one cutover instance."""
    return sorted([*_servers(world, completed), *_instances(world, completed), *_volumes(world), *_others(world, completed)])


def _servers(world: World, completed: set[str]) -> Iterator[str]:
    for key, server in world.books.all("server"):
        if server["tags"].get(TAG) not in completed:
            yield f"source server {key} of {server['tags'].get(TAG)}"
        elif not server["archived"] or server["replication"] != "disconnected":
            yield f"source server {key} of {server['tags'].get(TAG)} is not finalised and archived"
    servers = {server["template"] for _, server in world.books.all("server")}
    for key, _ in world.books.all("template"):
        if key not in servers:
            yield f"launch template {key}"


def _instances(world: World, completed: set[str]) -> Iterator[str]:
    running: dict[str, list[Document]] = {}
    for _, instance in world.books.all("instance"):
        if instance["job"] and world.instance_state(instance) != "terminated":
            running.setdefault(instance["migration"], []).append(instance)
    for migration, instances in running.items():
        if migration not in completed or [one["stage"] for one in instances] != ["CUTTING_OVER"]:
            yield from (f"{one['stage']} instance {one['id']} of {migration}" for one in instances)
    for migration in completed - set(running):
        yield f"no instance of {migration}"


def _volumes(world: World) -> Iterator[str]:
    for key, volume in world.books.all("volume"):
        instance = world.books.get("instance", volume["instance"])
        if instance is None or world.instance_state(instance) == "terminated":
            yield f"volume {key} of {volume['instance']}"


def _others(world: World, completed: set[str]) -> Iterator[str]:
    for key, snapshot in world.books.all("snapshot"):
        if snapshot["tags"].get(TAG) not in completed:
            yield f"snapshot {key} of {snapshot['tags'].get(TAG)}"
    for key, agent in world.books.all("agent"):
        if agent["order"] and key.replace(".", "/", 1) not in completed:
            yield f"order {key} to install an agent"
