"""The HTTP server of the stand-in: every service and desk behind one address, and a way to ask and change its books."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
from aiohttp import web

from libs.runtime.clock import now_us
from libs.testing.cloud import desks, ec2, jobs, mgn, names
from libs.testing.cloud.applications import Applications
from libs.testing.cloud.books import Books, Document
from libs.testing.cloud.chance import Script, fault, refused_by
from libs.testing.cloud.furniture import furnish
from libs.testing.cloud.leaks import leaks
from libs.testing.cloud.models import Call, Refused
from libs.testing.cloud.reading import read
from libs.testing.cloud.world import World
from libs.testing.cloud.writing import Answer, answer, refusal

REGION = "eu-central-1"


def _operations() -> dict[str, Callable[[World, dict[str, object]], Document]]:
    found = {}
    for module in (mgn, jobs, ec2, names):
        for name, function in vars(module).items():
            if getattr(function, "__module__", "") == module.__name__ and not name.startswith("_") and callable(function):
                found[name.replace("_", "")] = function
    return found


OPERATIONS = _operations()
"""By the operation's name in small letters."""


class Cloud:
    """One stand-in cloud."""

    def __init__(self, books: Books, script: Script, app_port: int) -> None:
        self.world = World(books, script, REGION)
        self.app_port = app_port
        self.defects: list[str] = []
        """Requests that did not fit the vendor's model, and answers of our own that did not."""
        self._count = 0

    def application(self) -> web.Application:
        """The application that answers."""
        app = web.Application(client_max_size=2**24)
        app.add_routes([
            web.get("/_books", self._books), web.post("/_leaks", self._leaks), web.put("/_script", self._script),
            web.post("/_documents", self._documents), web.post("/_machines", self._machines), *desks.routes(self.world),
            web.route("*", "/{rest:.*}", self._service),
        ])  # fmt: skip
        app.cleanup_ctx.append(self._tended)
        return app

    async def _tended(self, app: web.Application) -> AsyncIterator[None]:
        tending = asyncio.create_task(Applications(self.world, self.app_port).run())
        yield
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending
        self.world.books.close()

    async def _service(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._count += 1
        request_id = f"{self.world.books.seed:08x}-{self._count:08x}"
        headers = {name.lower(): value for name, value in request.headers.items()}
        desks.install_due(self.world)
        made, kind = self._answered(request.method, request.raw_path, headers, body, request_id)
        if self.world.script.delay_ms:
            await asyncio.sleep(self.world.script.delay_ms / 1000)
        if kind == "lose" and request.transport is not None:
            request.transport.abort()
        return web.Response(status=made.status, body=made.body, headers=made.headers)

    def _answered(self, method: str, path: str, headers: dict[str, str], body: bytes, request_id: str) -> tuple[Answer, str]:
        try:
            call = read(method, path, headers, body)
        except Refused as error:
            self.defects.append(f"{method} {path} {body[:300]!r}: {error}")
            return refusal(None, None, error, request_id), ""
        kind = fault(self.world.books, self.world.script, call)
        try:
            if kind in ("throttle", "fail"):
                raise refused_by(kind, call.model.metadata["protocol"])
            return answer(call, self._carried_out(call), request_id), kind
        except Refused as error:
            return refusal(call.model, call, error, request_id), kind
        except Exception as error:
            self.defects.append(f"{call.operation.name}: {type(error).__name__}: {error}")
            raise

    def _carried_out(self, call: Call) -> Document:
        operation = OPERATIONS.get(call.operation.name.lower())
        if operation is None:
            raise Refused("UnknownOperationException", f"the stand-in does not offer {call.operation.name}", 404)
        return operation(self.world, call.params)

    async def _books(self, request: web.Request) -> web.Response:
        calls = {key[5:]: one["n"] for key, one in self.world.books.all("count") if key.startswith("call ") and key.count(" ") == 1}
        return web.json_response({"now": self.world.now, "books": self.world.books.snapshot(), "calls": calls, "defects": self.defects})

    async def _leaks(self, request: web.Request) -> web.Response:
        """What is left of migrations that are not among the completed ones, and what those have too much or too little of:
        {"completed": ["tenant/migration", ...]}."""
        desks.install_due(self.world)
        return web.json_response(leaks(self.world, set(json.loads(await request.read())["completed"])))

    async def _script(self, request: web.Request) -> web.Response:
        self.world.script = msgspec.json.decode(await request.read(), type=Script)
        return web.json_response({})

    async def _documents(self, request: web.Request) -> web.Response:
        for kind, documents in json.loads(await request.read()).items():
            for key, document in documents.items():
                self.world.books.put(kind, key, document)
        return web.json_response({})

    async def _machines(self, request: web.Request) -> web.Response:
        """Furnish the account for so many machines more: {"machines": n, "wave": "1"}."""
        asked = json.loads(await request.read())
        return web.json_response(furnish(self.world, asked["machines"], asked.get("wave", "1")))


@asynccontextmanager
async def serving(cloud: Cloud, port: int = 0) -> AsyncIterator[str]:
    """The address of a cloud that answers on loopback."""
    runner = web.AppRunner(cloud.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def opened(seed: int, script: Script, app_port: int, path: str = ":memory:") -> Cloud:
    """A cloud on the books in a file, or on new ones in memory."""
    return Cloud(Books(seed, now_us, path), script, app_port)
