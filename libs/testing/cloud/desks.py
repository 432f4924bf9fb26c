"""The parties beside the cloud: automation that installs agents, a CMDB, and Cloud Migration Factory's user API."""

import shlex
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from libs.testing.cloud.world import MS, World

TOKEN = "t0ken-of-the-desks"
"""What the desks want to see; a secret that nothing may print."""
ROUTES = (
    ("PUT", "/agents/{id}"), ("DELETE", "/agents/{id}"), ("GET", "/cmdb/{id}"), ("PATCH", "/cmdb/{id}"),
    ("GET", "/factory/user/{kind}/{id}"), ("PUT", "/factory/user/{kind}/{id}"), ("GET", "/factory/user/{kind}"),
)  # fmt: skip


def routes(world: World) -> list[web.RouteDef]:
    """The routes of every desk."""
    return [web.route(method, path, _guarded(world, DESKS[path.split("/")[1]])) for method, path in ROUTES]


def _guarded(
    world: World, desk: Callable[[World, web.Request], Awaitable[web.Response]]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        name = f"{request.method} {request.path.split('/')[1]}"
        counted = world.books.count(f"call {name}")
        kind = next(
            (rule.fault for rule in world.script.rules if rule.operation == name and rule.nth <= counted < rule.nth + rule.times), ""
        )
        if not kind and world.books.drawn("desk", name, request.path, counted) < world.script.failed:
            kind = "fail"
        if kind in ("fail", "throttle"):
            return web.json_response({"errors": ["not now"]}, status=500 if kind == "fail" else 429)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") != TOKEN:
            return web.json_response({"errors": ["who are you?"]}, status=401)
        answer = await desk(world, request)
        if kind == "lose" and request.transport is not None:
            request.transport.abort()
        return answer

    return handle


async def _agents(world: World, request: web.Request) -> web.Response:
    """An order to install an agent, or its withdrawal; orders of a lower fence than one seen are refused."""
    key, asked = request.match_info["id"], await request.json()
    seen = world.books.get("agent", key) or {"fence": 0, "order": None}
    if asked["fence"] < seen["fence"]:
        return web.json_response({"fence": seen["fence"]}, status=409)
    order = None
    if request.method == "PUT":
        order = seen["order"] or {
            "command": asked["command"],
            "hostname": asked["hostname"],
            "due": world.now + world.script.install_ms * MS,
        }
        order.setdefault("installed", False)
    world.books.put("agent", key, {"fence": asked["fence"], "order": order})
    install_due(world)
    return web.json_response({"accepted": True}, status=202)


def install_due(world: World) -> None:
    """Run the installers whose time has come."""
    for key, agent in world.books.all("agent"):
        order = agent["order"]
        if order and not order["installed"] and order["due"] <= world.now:
            world.books.put("agent", key, {**agent, "order": {**order, "installed": True}})
            install(world, order["hostname"], order["command"])


def install(world: World, hostname: str, command: str) -> str:
    """What the vendor's installer does: register the source server with the tags that the command names."""
    words = shlex.split(command)
    if words[words.index("--region") + 1] != world.region:
        raise ValueError("the command names another region")
    tags = dict(word.split("=", 1) for word in words[words.index("--tags") + 1 :])
    key, template = world.books.identifier("s-", "server"), world.books.identifier("lt-", "template")
    data = {"1": {"InstanceType": "c5.large", "NetworkInterfaces": [{"DeviceIndex": 0}]}}
    world.books.put("template", template, {
        "id": template, "default": "1", "last": 1, "versions": data, "descriptions": {}, "tokens": {}, "hostname": hostname,
    })  # fmt: skip
    free = world.script.agents == "replicating" and world.replicating() < world.script.quota
    world.books.put("server", key, {
        "id": key, "hostname": hostname, "tags": tags, "bytes": 8 * 2**30, "replication": "running" if free else "stopped",
        "added_at": world.now, "started_at": world.now, "synced": False, "stage": "", "archived": False, "template": template,
        "last_job": "", "jobs": {}, "instance": "",
    })  # fmt: skip
    return key


async def _cmdb(world: World, request: web.Request) -> web.Response:
    """Configuration items, read whole and changed by merge patch."""
    item = world.books.get("ci", request.match_info["id"])
    if item is None:
        return web.json_response({"error": "no such item"}, status=404)
    if request.method == "PATCH":
        merged = {**item, **await request.json()}
        item = world.books.put("ci", request.match_info["id"], {key: value for key, value in merged.items() if value is not None})
    return web.json_response(item)


async def _factory(world: World, request: web.Request) -> web.Response:
    """Items by schema: one, all, or merged with what is sent; errors are 400 with a list of words."""
    kind, key = request.match_info["kind"], request.match_info.get("id", "")
    if kind not in ("server", "app", "wave"):
        return web.json_response({"errors": [f"no schema {kind}"]}, status=400)
    if not key:
        return web.json_response([item for _, item in world.books.all(f"factory {kind}")])
    item = world.books.get(f"factory {kind}", key)
    if item is None:
        return web.json_response({"errors": [f"{kind} Id: {key} does not exist"]}, status=400)
    if request.method == "PUT":
        item = world.books.put(f"factory {kind}", key, {**item, **await request.json()})
    return web.json_response(item)


DESKS: dict[str, Any] = {"agents": _agents, "cmdb": _cmdb, "factory": _factory}
