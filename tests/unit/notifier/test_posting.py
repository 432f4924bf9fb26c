"""One attempt against a real HTTP server: what each kind of answer means (R10)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.telling.addresses import policy_of
from libs.telling.connecting import connector
from libs.telling.posting import DELIVERED, FAILED, GONE, Outcome, Poster, retry_after_ms

NOW = 1_767_225_600_000_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Ask = Callable[[Handler], Awaitable[Outcome]]


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    policy = policy_of("", "dev")
    poster, servers = Poster(policy, connector(policy), timeout_s=2), []

    async def one(handler: Handler) -> Outcome:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return await poster.post(str(server.make_url("/hook")), '{"a":1}', {"webhook-id": "d-1"})

    yield one
    await poster.close()
    for server in servers:
        await server.close()


def answering(status: int, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return handler


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, DELIVERED),
        (202, DELIVERED),
        (204, DELIVERED),
        (304, FAILED),
        (400, FAILED),
        (404, FAILED),
        (429, FAILED),
        (500, FAILED),
        (410, GONE),
    ],
)
async def test_what_a_status_means_R10(ask: Ask, status: int, outcome: str) -> None:
    answer = await ask(answering(status))

    assert (answer.outcome, answer.status_code) == (outcome, status)
    assert bool(answer.error) is (outcome != DELIVERED)


async def test_a_redirect_is_not_followed_R10_SEC3(ask: Ask) -> None:
    hits = []

    async def redirect(request: web.Request) -> web.Response:
        hits.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    answer = await ask(redirect)

    assert (answer.outcome, answer.status_code) == (FAILED, 307)
    assert hits == ["/hook"]


async def test_an_endpoint_that_does_not_answer_in_time_has_failed_R10(ask: Ask) -> None:
    released = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    answer = await ask(hang)
    released.set()

    assert answer == Outcome(FAILED, error="no answer within 2 s")


async def test_an_accepted_message_is_delivered_however_long_the_answer_goes_on(ask: Ask) -> None:
    released = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not released.is_set():
            await response.write(b"x" * 65_536)
        return response

    answer = await ask(endless)
    released.set()

    assert answer.outcome == DELIVERED


async def test_nobody_listening_is_a_failure_in_words(ask: Ask) -> None:
    policy = policy_of("", "dev")
    poster = Poster(policy, connector(policy), timeout_s=1.0)

    answer = await poster.post("http://127.0.0.1:1025/", "{}", {})
    await poster.close()

    assert answer == Outcome(FAILED, error="127.0.0.1:1025 cannot be connected to")


async def test_what_is_sent_is_the_payload_and_the_headers_O8(ask: Ask) -> None:
    seen = []

    async def record(request: web.Request) -> web.Response:
        seen.append((request.method, request.headers["webhook-id"], request.headers["Content-Type"], await request.text()))
        return web.Response(headers={"Set-Cookie": "a=b"})

    await ask(record)

    assert seen == [("POST", "d-1", "application/json", '{"a":1}')]


async def test_retry_after_is_reported_R10(ask: Ask) -> None:
    assert (await ask(answering(503, Retry_After="7"))).retry_after_ms == 7_000
    assert (await ask(answering(200, Retry_After="7"))).retry_after_ms == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", 0), ("120", 120_000), (" 3 ", 3_000), ("soon", 0), ("-5", 0), ("1.5", 0), ("Thu, 01 Jan 2026 00:01:00 GMT", 60_000),
     ("Wed, 31 Dec 2025 23:59:00 GMT", 0), ("٣", 0), ("9" * 400, 999_999_999_000)],
)  # fmt: skip
def test_retry_after_comes_as_seconds_or_as_a_date_R10(value: str, expected: int) -> None:
    assert retry_after_ms(value, NOW) == expected


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        ":",
        "\0",
    ],
)
async def test_an_absurd_date_asks_for_no_pause_and_fails_only_the_attempt_R10(ask: Ask, value: str) -> None:
    assert retry_after_ms(value, NOW) == 0
    if value != "\0":  # which no HTTP server can send
        assert (await ask(answering(503, Retry_After=value))).outcome == FAILED
