"""A small system of another make on the loopback interface, told by real webhooks: the world of the provider `external`.

Its answers go to a door of the test instead of Whimbrel's, so that a verb can be awaited to its end as the contract wants.
"""

import asyncio
import base64
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from libs.contracts.migration.plan import Plan
from libs.contracts.values import Evidence
from libs.own_steps import NotYet, Steps, Work
from libs.own_steps.serving import PATH, application
from libs.providers.base import Assignment, HandedOver, Inspection, MoveRequest, Progress, ProviderError
from libs.providers.external.provider import ExternalProvider
from libs.runtime.settings import load
from libs.telling.outgoing import Outgoing
from libs.telling.settings import TellingSettings

SECRET_NAME = "LOOPBACK_WEBHOOK_SECRET"
SECRET = "whsec_" + base64.b64encode(b"a secret of the test system only").decode()
CHUNKS = 5
ANSWER_S = 30.0


class Effects:
    """What the system has done: half and whole effects by step and chunk."""

    def __init__(self) -> None:
        self.steps, self.standing = Steps(), dict[tuple[str, str], str]()
        world = self

        class Part:
            """Each step does its effect in two halves, with pauses between."""

            async def apply(self, work: Work) -> Evidence:
                place = (work.data.step, work.data.chunk)
                for much in ("half", "whole"):
                    await asyncio.sleep(0.001)
                    if world.standing.get(place) != "whole":
                        world.standing[place] = much
                    await work.progress(1, 2, "halves")
                return {"done": True}

            async def undo(self, work: Work) -> Evidence:
                await asyncio.sleep(0.001)
                found = [place for place in world.standing if place[0] == work.data.step and work.data.chunk in ("-", place[1])]
                for place in found:
                    del world.standing[place]
                return {"undone": len(found)}

        self.steps.act("prepare", phase="preparing", compensation="Take it back.")(Part)
        self.steps.act("copy", phase="replicating", compensation="Empty it.", chunks=CHUNKS, window=2)(Part)
        self.steps.check("copied", phase="testing")(self._copied)
        self.steps.act("switch", phase="cutting_over", compensation="Switch back.")(Part)
        self.steps.act("clean_up", phase="finalising", point_of_no_return=True)(Part)

    async def _copied(self, work: Work) -> Evidence:
        chunks = [place for place, much in self.standing.items() if place[0] == "copy" and much == "whole"]
        if len(chunks) < CHUNKS:
            raise NotYet("not_copied", f"{len(chunks)} of {CHUNKS} chunks are there")
        return {"chunks": len(chunks)}


class Answered:
    """The provider as a worker and the report door together make it look: each verb ends with its report."""

    kind = "external"

    def __init__(self, inner: ExternalProvider) -> None:
        self._inner = inner
        self._waiting: dict[tuple[str, int], list[asyncio.Future[dict[str, Any]]]] = {}

    async def inspect(self, request: MoveRequest) -> Inspection:
        """As the provider does."""
        return await self._inner.inspect(request)

    def plan(self, request: MoveRequest, inspection: Inspection) -> Plan:
        """As the provider does."""
        return self._inner.plan(request, inspection)

    async def apply(self, work: Assignment, progress: Progress) -> Evidence:
        """Tell, and wait for the report."""
        return await self._reported("apply", work, progress)

    async def check(self, work: Assignment, progress: Progress) -> Evidence:
        """Tell, and wait for the report."""
        return await self._reported("check", work, progress)

    async def undo(self, work: Assignment, progress: Progress) -> Evidence:
        """Tell, and wait for the report."""
        return await self._reported("undo", work, progress)

    async def _reported(self, verb: str, work: Assignment, progress: Progress) -> Evidence:
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((work.work_id, work.attempt), []).append(answer)
        with suppress(HandedOver):
            await getattr(self._inner, verb)(work, progress)
        said = await asyncio.wait_for(answer, ANSWER_S)
        if said["outcome"] == "succeeded":
            evidence: Evidence = said["evidence"]
            return evidence
        problem = said.get("problem") or {"code": said["outcome"], "message": "it was stopped"}
        raise ProviderError(problem["code"], problem["message"], retryable=said.get("retryable", True))

    def take(self, work_id: str, said: dict[str, Any]) -> None:
        """A report has come."""
        for answer in self._waiting.pop((work_id, said["attempt"]), ()):
            if not answer.done():
                answer.set_result(said)


class LoopbackSystem:
    """Harness of the provider suite. Use as an asynchronous context manager."""

    secrets = (SECRET, SECRET.removeprefix("whsec_"))

    def __init__(self, directory: Path) -> None:
        self.effects, self._runners = Effects(), list[web.AppRunner]()
        self._directory = directory
        self._outgoing = Outgoing(load(TellingSettings, data_dir=directory, environment="dev", webhook_allow="127.0.0.0/8"))
        self.provider = Answered(ExternalProvider(self._outgoing))

    async def __aenter__(self) -> Self:
        door = web.Application()
        door.router.add_post("/v1/work-items/{work:.+}/{kind:report|progress}", self._take)
        api = await self._served(door)
        app = application(self.effects.steps, secret=SECRET, api=api, token="any", store=self._directory / "steps.db")
        self._url = await self._served(app) + PATH
        self.request = self._asked()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for runner in reversed(self._runners):
            await runner.cleanup()
        await self._outgoing.close()

    async def _served(self, app: web.Application) -> str:
        runner = web.AppRunner(app)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _take(self, request: web.Request) -> web.Response:
        if request.match_info["kind"] == "report":
            self.provider.take(request.match_info["work"], await request.json())
        return web.Response(status=202)

    def _asked(self, **changes: Any) -> MoveRequest:
        options = self.effects.steps.options(webhook={"url": self._url, "secret": f"env:{SECRET_NAME}"}) | changes
        return MoveRequest(tenant="acme", migration="mig-1", provider="external", source={}, target={}, options=options)

    async def snapshot(self) -> dict[tuple[str, str], str]:
        """What stands, half or whole."""
        return dict(self.effects.standing)

    def broken_requests(self) -> tuple[MoveRequest, ...]:
        """Each wrong in another way."""
        return (
            self._asked(steps=[]),
            self._asked(webhook=None),
            self._asked(kafka={"topic": "t.external-work"}),
            self._asked(webhook={"url": "http://10.0.0.1/", "secret": f"env:{SECRET_NAME}"}),
            self._asked(webhook={"url": self._url, "secret": SECRET}),
            self._asked(more=1),
        )
