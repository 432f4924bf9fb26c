"""The application: the table of routes on aiohttp, started and stopped in order."""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial

import structlog
from aiohttp import web
from confluent_kafka import KafkaException

from libs.edge.companion import Companion
from libs.edge.edge import Edge
from libs.edge.endpoints import endpoint
from libs.edge.middleware import around, expect, sign
from libs.edge.reading import MAX_BODY_BYTES
from libs.edge.routing import Route
from libs.edge.sending import register_written
from libs.edge.vital import end_process, vital
from libs.runtime.errors import RegistryUnavailable

_log = structlog.get_logger()
MAX_LINE_BYTES = 131_072
"""Bytes of a request line or of one header: enough for two positions of a thousand partitions."""
_UNREADY_S = 0.5
"""How long readiness is false before the listener closes, so that a balancer can look elsewhere."""


def application(routes: Sequence[Route], edge: Edge) -> web.Application:
    """The aiohttp application of a table."""
    app = web.Application(middlewares=[around], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(sign)
    for route in routes:
        app.router.add_route(route.method, route.path, endpoint(route, edge), expect_handler=expect)
    return app


class Server:
    """One ingress process."""

    def __init__(self, routes: Sequence[Route], edge: Edge, companion: Companion) -> None:
        self._edge, self._companion = edge, companion
        self._runner = web.AppRunner(
            application(routes, edge),
            access_log=None,
            shutdown_timeout=edge.settings.drain_s,
            handler_cancellation=True,
            auto_decompress=False,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Listen, then get ready in the background: liveness answers at once, readiness when everything is there."""
        edge = self._edge
        await self._runner.setup()
        await web.TCPSite(self._runner, edge.settings.http_host, edge.settings.http_port).start()
        parts = {
            "getting ready": self._get_ready(),
            "lag": edge.lag.run(),
            "read side": edge.read_side.run(),
            "companion": self._companion.run(),
        }
        self._tasks = [vital(name, work) for name, work in parts.items()]
        _log.info("listening", host=edge.settings.http_host, port=self.port)

    async def _get_ready(self) -> None:
        """Learn schema ids and find the end of the log; commands are taken only after both."""
        while not self._edge.started:
            try:
                await asyncio.to_thread(register_written, self._edge.registry, self._edge.settings.prefix)
                await self._edge.tail.start(partial(end_process, "tail"))
                self._edge.started = True
                _log.info("started")
            except (RegistryUnavailable, KafkaException, KeyError) as error:
                _log.warning("not started yet", error=str(error))
                await asyncio.sleep(0.5)

    async def stop(self) -> None:
        """Readiness first, then the listener, then what is in flight, then the clients. Bounded."""
        self._edge.stopping = True
        await asyncio.sleep(_UNREADY_S)
        self._edge.tail.close()
        await asyncio.gather(self._runner.cleanup(), self._companion.stop(self._edge.settings.drain_s))
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._edge.sender.close)
        await self._edge.read_side.close()
        _log.info("stopped")
