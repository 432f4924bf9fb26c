"""What runs on launched instances: an HTTP application on each one's own loopback address, up from boot to termination."""

import asyncio

from aiohttp import web

from libs.testing.cloud.world import MS, World

LOOK_S = 0.01


class Applications:
    """Starts and ends the applications as instances come and go."""

    def __init__(self, world: World, port: int) -> None:
        self._world, self._port = world, port
        self._sites: dict[str, web.TCPSite] = {}
        self._over: set[str] = set()
        self._runner: web.ServerRunner | None = None

    async def run(self) -> None:
        """Tend them until cancelled."""
        self._runner = web.ServerRunner(web.Server(_answer))
        await self._runner.setup()
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK_S)
        finally:
            await self._runner.cleanup()

    async def _look(self) -> None:
        world = self._world
        for key, instance in world.books.all("instance"):
            if key in self._over or not instance["job"]:
                continue
            state = world.instance_state(instance)
            if key in self._sites:
                if state != "running":
                    await self._sites.pop(key).stop()
                    self._over.add(key)
            elif state == "terminated" or not instance["healthy"]:
                self._over.add(key)
            elif state == "running" and world.now >= instance["launched_at"] + world.script.boot_ms * MS:
                assert self._runner is not None
                self._sites[key] = web.TCPSite(self._runner, instance["address"], self._port)
                await self._sites[key].start()


async def _answer(request: web.BaseRequest) -> web.Response:
    return web.json_response({"status": "up"})
