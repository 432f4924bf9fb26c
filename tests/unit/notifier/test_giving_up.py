"""What one attempt leads to beyond its report: when a subscription is disabled, and what is never sent (R10)."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.contracts.delivery import DeliveryState, Message, ReportDelivery
from libs.contracts.subscription import Interest, SubscriptionState
from libs.contracts.work import NOTIFIER, TELL, Work
from libs.domain.delivery import ATTEMPTS
from libs.edge.signing import Secrets
from libs.runtime.executor import Job
from libs.telling.addresses import policy_of
from libs.telling.connecting import connector
from libs.telling.posting import Poster
from services.notifier.telling import Teller
from services.notifier.turns import Hosts, Lanes

SECRETS = Secrets(b"k" * 32)
Tell = Callable[[SubscriptionState | None, int, int], Awaitable[tuple[ReportDelivery, list[str], int]]]


class Table:
    """One subscription, or none."""

    def __init__(self, state: SubscriptionState | None) -> None:
        self._state = state

    async def complete(self) -> None:
        """It is, from the beginning."""

    def get(self, tenant: str, subscription: str) -> SubscriptionState | None:
        return self._state


class Wishes:
    """The wishes to disable a subscription, in place of Kafka."""

    def __init__(self) -> None:
        self.causes: list[str] = []

    async def disable(self, job: Job, subscription: str, state: SubscriptionState, cause: str) -> None:
        self.causes.append(cause)


@pytest.fixture
async def tell() -> AsyncIterator[Tell]:
    """One attempt at an endpoint that answers with a status: the report, the wishes to disable, and how many requests came."""
    policy, servers = policy_of("", "dev"), []
    poster = Poster(policy, connector(policy), timeout_s=5.0)

    async def one(state: SubscriptionState | None, status: int, attempt: int) -> tuple[ReportDelivery, list[str], int]:
        hits = []

        async def answer(request: web.Request) -> web.Response:
            hits.append(request.path)
            return web.Response(status=status)

        app = web.Application()
        app.router.add_post("/hook", answer)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        url = str(server.make_url("/hook"))
        if state is not None and state.interest is not None:
            state = SubscriptionState(status=state.status, interest=Interest(url=url, event_types=("*",)))
        wishes = Wishes()
        teller = Teller(Table(state), SECRETS, poster, wishes, Lanes(), Hosts(1, 1))
        return await teller.execute(_job(url, attempt), _no_progress), wishes.causes, len(hits)

    yield one
    await poster.close()
    for server in servers:
        await server.close()


async def _no_progress(done: int, total: int, unit: str) -> None:
    """Deliveries have none."""


def _job(url: str, attempt: int) -> Job:
    work = Work(
        work_id="acme/d-1/tell/-/tell/1", worker=NOTIFIER, step=-1, chunk="-", direction=TELL, round=1, fence=1, attempt=attempt, not_before=0, deadline=0
    )  # fmt: skip
    message = Message(
        subscription="s-1",
        channel="webhook",
        url="http://127.0.0.1:1/old",
        event_type="t",
        event_id="e",
        migration="m",
        payload='{"data":{"version":3}}',
    )
    return Job("acme", "d-1", DeliveryState(status="sending", message=message, pending=(work,)), work)


def subscription(status: str = "active") -> SubscriptionState:
    return SubscriptionState(status=status, interest=Interest(url="http://replaced/", event_types=("*",)))


async def test_a_failure_is_reported_and_disables_nothing_while_attempts_are_left_R10(tell: Tell) -> None:
    report, causes, hits = await tell(subscription(), 500, ATTEMPTS - 1)

    assert (report.outcome, report.status_code, report.attempt, causes, hits) == ("failed", 500, ATTEMPTS - 1, [], 1)


async def test_the_last_failure_disables_the_subscription_R10(tell: Tell) -> None:
    report, causes, hits = await tell(subscription(), 500, ATTEMPTS)

    assert (report.outcome, causes, hits) == ("failed", ["exhausted"], 1)


async def test_gone_disables_the_subscription_at_once_R10(tell: Tell) -> None:
    report, causes, _ = await tell(subscription(), 410, 1)

    assert (report.outcome, causes) == ("gone", ["gone"])


async def test_what_is_accepted_goes_to_the_address_that_the_subscription_has_now(tell: Tell) -> None:
    report, causes, hits = await tell(subscription(), 204, ATTEMPTS)

    assert (report.outcome, causes, hits) == ("delivered", [], 1)


@pytest.mark.parametrize(("state", "outcome"), [(subscription("disabled"), "failed"), (subscription("deleted"), "gone"), (None, "gone")])
async def test_nothing_is_sent_for_a_subscription_that_is_not_active(tell: Tell, state: SubscriptionState | None, outcome: str) -> None:
    report, causes, hits = await tell(state, 200, ATTEMPTS)

    assert (report.outcome, causes, hits) == (outcome, [], 0)
    assert report.error
