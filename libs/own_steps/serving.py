"""Serve steps of one's own over HTTP: verify what comes, keep it, carry it out, report it. `application` is for one event loop."""

import asyncio
from collections.abc import AsyncIterator
from os import environ
from pathlib import Path

import msgspec
from aiohttp import web
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from libs.own_steps.desk import Desk
from libs.own_steps.reporting import Reporter
from libs.own_steps.steps import Steps
from libs.own_steps.store import Store
from libs.providers.external.message import Message
from libs.runtime.clock import now_us

_MESSAGE = msgspec.json.Decoder(Message)
PATH = "/whimbrel"


class _Server:
    def __init__(self, steps: Steps, secret: str, api: str, token: str, store: Path | str) -> None:
        self._verifier, self._api, self._token = Webhook(secret), api, token
        self._store = Store(store)
        self._desk = Desk(steps, self._store, now_us)
        self._reporter: Reporter
        self._tasks: set[asyncio.Task[None]] = set()

    async def context(self, app: web.Application) -> AsyncIterator[None]:
        self._reporter = Reporter(self._api, self._token)
        for text in self._store.unanswered():
            self._begin(text)
        yield
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._desk.close()
        await self._reporter.close()
        self._store.close()

    async def receive(self, request: web.Request) -> web.Response:
        text = await request.text()
        try:
            self._verifier.verify(text, dict(request.headers))
            message = _MESSAGE.decode(text)
        except WebhookVerificationError:
            return web.Response(status=401, text="the signature does not verify")
        except msgspec.ValidationError as error:
            return web.Response(status=422, text=f"this is no message about work: {error}")
        self._store.keep(message.data, text)
        self._begin(text)
        return web.Response(status=202)

    def _begin(self, text: str) -> None:
        task = asyncio.create_task(self._carry_out(text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, text: str) -> None:
        data = _MESSAGE.decode(text).data
        report = await self._desk.take(data, self._reporter.progress_of(data))
        if report is not None:
            await self._reporter.report(data, report)
        self._store.answered(data)


def application(steps: Steps, *, secret: str, api: str, token: str, store: Path | str = "own-steps.db") -> web.Application:
    """The application: POST /whimbrel takes webhooks signed with `secret`, reports go to `api` with `token`.

    `store` is an SQLite file; what it holds unanswered is taken up again when the application starts.
    """
    server = _Server(steps, secret, api, token, store)
    app = web.Application(client_max_size=4 << 20)
    app.router.add_post(PATH, server.receive)
    app.cleanup_ctx.append(server.context)
    return app


def serve(steps: Steps, *, port: int = 9000, host: str = "127.0.0.1") -> None:
    """Serve until SIGTERM. WHIMBREL_URL, WHIMBREL_TOKEN and WHIMBREL_WEBHOOK_SECRET say whom to listen and report to."""
    names = ("WHIMBREL_WEBHOOK_SECRET", "WHIMBREL_URL", "WHIMBREL_TOKEN")
    if missing := [name for name in names if not environ.get(name)]:
        raise SystemExit(f"set {' and '.join(missing)}")
    secret, api, token = (environ[name] for name in names)
    web.run_app(application(steps, secret=secret, api=api, token=token), host=host, port=port)
