"""An ingress that has lost a part of itself ends, saying why, and its supervisor starts a whole one (D10)."""

import asyncio
import os
import resource
from pathlib import Path

import psutil

from libs.edge.tail import Tail
from libs.edge.vital import EXIT_CODE
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World, start_ingress

_LINE = "ingress ends: a part of it has failed"


def test_a_companion_that_cannot_be_started_again_ends_ingress_D10(world: World, tmp_path: Path) -> None:
    service, _ = start_ingress(world.services, tmp_path, slot=7)
    process = psutil.Process(service.pid)
    process.rlimit(resource.RLIMIT_NOFILE, (3, 3))

    (companion,) = process.children()
    companion.kill()

    wait_until(lambda: service.exit_code() is not None, "ingress has ended")
    assert service.exit_code() == EXIT_CODE
    assert [line["part"] for line in service.lines(_LINE)] == ["companion"]
    assert "Too many open files" in service.lines(_LINE)[0]["error"]
    wait_until(lambda: not companion.is_running(), "nothing of it is left")


async def test_a_reader_of_the_log_that_fails_is_reported_and_not_left_alone_D10(world: World) -> None:
    class Failing(Tail):
        def _drain(self, consumer: object) -> None:
            raise RuntimeError("what nobody thought of")

    loop = asyncio.get_running_loop()
    ended: asyncio.Future[BaseException] = loop.create_future()
    tail = Failing(world.stack.kafka, world.prefix, Codec(Registry(world.stack.registry), world.prefix, f"test-{os.getpid()}"))

    await tail.start(lambda error: loop.call_soon_threadsafe(ended.set_result, error))
    await tail.listen("anybody")

    assert isinstance(await asyncio.wait_for(ended, 20), RuntimeError)
    assert not tail.assigned
