"""A proxy in front of Kafka that knows the requests: holds, drops or delays them, and breaks the client's connection.

A held request is still on its way: it reaches the broker when it is released, whatever became of the connection it came
by. That is what networks, proxies and paused brokers do, and what KAFKA-17754 is about.
"""

import asyncio
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

PRODUCE, INIT_PRODUCER_ID, END_TXN, TXN_OFFSET_COMMIT = 0, 22, 26, 28
LEAVE, CLOSE, RESET = "leave", "close", "reset"
_HEAD = struct.Struct(">ihhi")
_ANSWER_HEAD = struct.Struct(">ii")


class Held:
    """A request caught on its way to the broker."""

    def __init__(self, api_key: int, forward: Callable[[], object]) -> None:
        self.api_key = api_key
        self.answered = threading.Event()
        self._forward = forward

    def release(self) -> None:
        """Let it go on to the broker; returns when the broker has answered it, so that what is released next comes after it."""
        self._forward()
        assert self.answered.wait(10), f"the broker does not answer request {self.api_key}"


class Trap:
    """Catches the next request of a kind, and does something to the client's connection."""

    def __init__(self, api_key: int, then: str) -> None:
        self.api_key, self.then = api_key, then
        self._caught = threading.Event()
        self._held: Held | None = None

    def catch(self, held: Held) -> None:
        """Called by the proxy."""
        self._held = held
        self._caught.set()

    def held(self, seconds: float = 30.0) -> Held:
        """The request, once it was caught."""
        assert self._caught.wait(seconds), f"no request {self.api_key} came by in {seconds:.0f} s"
        assert self._held is not None
        return self._held


BIND_S = 60.0


class KafkaProxy:
    """Listens on `port` of the loopback address and passes everything on to `upstream`, except what falls into a trap."""

    def __init__(self, port: int, upstream: int) -> None:
        self._port, self._upstream = port, upstream
        self._traps: list[Trap] = []
        self._clients: set[asyncio.StreamWriter] = set()
        self._cut = False
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-proxy", daemon=True)

    @property
    def bootstrap(self) -> str:
        """Address for clients; they stay behind the proxy."""
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(BIND_S + 10), f"port {self._port} stays taken"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def trap(self, api_key: int, then: str = LEAVE) -> Trap:
        """Hold the next such request; `then` leaves the client's connection, closes or resets it."""
        trap = Trap(api_key, then)
        with self._lock:
            self._traps.append(trap)
        return trap

    def cut(self) -> None:
        """Break every connection, and each new one at once, until `mend`."""
        self._cut = True
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for writer in self._clients:
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._cut = False

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._listen())
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        """The port may be another's for a moment: nobody holds it while there is no proxy."""
        for _ in range(int(BIND_S / 0.2)):
            with suppress(OSError):
                return await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            await asyncio.sleep(0.2)
        return await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            with suppress(asyncio.CancelledError):  # the proxy stops
                if not self._cut:
                    await self._pass_on(reader, writer)
        finally:
            self._clients.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        held: dict[int, Held] = {}
        down = asyncio.create_task(_copy(broker_reader, writer, held))
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _message(reader)
                _, api_key, _, correlation_id = _HEAD.unpack_from(request)
                trap = self._sprung(api_key)
                if trap is None:
                    broker_writer.write(request)
                    await broker_writer.drain()
                    continue
                forward = partial(self._loop.call_soon_threadsafe, broker_writer.write, request)
                held[correlation_id] = Held(api_key, forward)
                trap.catch(held[correlation_id])
                if trap.then != LEAVE:
                    break
        if held:
            # The broker's end stays open: what is held is still under way. The client sees its own end go.
            _break(writer, reset=trap is not None and trap.then == RESET)
            await down
        else:
            down.cancel()
        broker_writer.close()

    def _sprung(self, api_key: int) -> Trap | None:
        with self._lock:
            for trap in self._traps:
                if trap.api_key == api_key:
                    self._traps.remove(trap)
                    return trap
        return None


async def _message(reader: asyncio.StreamReader) -> bytes:
    size = await reader.readexactly(4)
    return size + await reader.readexactly(struct.unpack(">i", size)[0])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: dict[int, Held]) -> None:
    """Answers to the client, and into the void once it is gone, so that the broker's end never blocks."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            answer = await _message(reader)
            if not writer.is_closing():
                writer.write(answer)
            request = held.get(_ANSWER_HEAD.unpack_from(answer)[1])
            if request is not None:
                request.answered.set()


def _break(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        writer.transport.abort()
    else:
        writer.close()
