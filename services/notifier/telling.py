"""What the notifier does with the state of a delivery: send what is due, in turn, and report how it went."""

import asyncio
import re
from typing import Protocol

import msgspec
import structlog
from prometheus_client import Histogram
from yarl import URL

from libs.contracts.delivery import DeliveryState, Message, ReportDelivery
from libs.contracts.subscription import SubscriptionState
from libs.contracts.work import NOTIFIER, STOPPED, Work
from libs.domain.delivery import ATTEMPTS
from libs.edge.signing import Secrets
from libs.runtime.clock import now_us
from libs.runtime.executor import Job, Progress
from libs.telling.posting import DELIVERED, FAILED, GONE, Outcome, Poster, signed_headers
from services.notifier.disabling import EXHAUSTED
from services.notifier.identity import CALLBACK
from services.notifier.subscriptions import ACTIVE, DELETED, DISABLED
from services.notifier.turns import Hosts, Lanes, Ticket

_log = structlog.get_logger()
ATTEMPTS_MADE = Histogram("whimbrel_webhook_seconds", "Attempts to send a webhook, by outcome", ["outcome"])


class _Data(msgspec.Struct):
    version: int


class _Body(msgspec.Struct):
    data: _Data


_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_BODY = msgspec.json.Decoder(_Body)


class Table(Protocol):
    """The subscriptions as they are now."""

    async def complete(self) -> None:
        """Return once the table was read to its end."""

    def get(self, tenant: str, subscription: str) -> SubscriptionState | None:
        """State of a subscription; None when there is none."""


class Disables(Protocol):
    """Whom to ask to disable a subscription."""

    async def disable(self, job: Job, subscription: str, state: SubscriptionState, cause: str) -> None:
        """Return once the wish is recorded."""


class Teller:
    """Executor of the aggregate delivery."""

    def __init__(self, table: Table, secrets: Secrets, poster: Poster, disabler: Disables, lanes: Lanes, hosts: Hosts) -> None:
        self._table, self._secrets, self._poster, self._disabler = table, secrets, poster, disabler
        self._lanes, self._hosts = lanes, hosts

    def wanted(self, state: DeliveryState) -> tuple[list[Work], list[Work]]:
        """The attempt that is due, if it is the notifier's. Its message takes its place in order at once, before anything is sent."""
        mine = [work for work in state.pending if work.worker == NOTIFIER]
        for work in mine:
            self._lanes.join(_ticket(state, work))
        return mine, []

    async def execute(self, job: Job, progress: Progress) -> ReportDelivery:
        """Make one attempt and report it."""
        ticket, message = _ticket(job.state, job.work), _message(job.state)
        await self._table.complete()
        await self._lanes.first(ticket)
        async with self._hosts.place(job.tenant, _host(message.url)):
            began = asyncio.get_running_loop().time()
            subscription = self._table.get(job.tenant, message.subscription) if message.subscription != CALLBACK else None
            outcome = await self._attempt(job, message, subscription)
            seconds = asyncio.get_running_loop().time() - began
        ATTEMPTS_MADE.labels(outcome.outcome).observe(seconds)
        last = job.work.attempt >= ATTEMPTS
        if outcome.outcome != DELIVERED:
            _log.info("not delivered", delivery=job.aggregate, attempt=job.work.attempt, status=outcome.status_code, reason=outcome.error)
            await self._give_up(job, message, subscription, outcome, last)
        if outcome.outcome != FAILED or last:
            self._lanes.leave(ticket)
        return _report(job.work, outcome, seconds)

    def stopped(self, job: Job) -> ReportDelivery:
        """Report for work that was stopped; a delivery never asks for that."""
        return ReportDelivery(work_id=job.work.work_id, attempt=job.work.attempt, outcome=FAILED, error=STOPPED)

    def overdue(self, job: Job) -> ReportDelivery:
        """Deliveries never go on elsewhere."""
        raise AssertionError("a delivery was overdue")

    def defective(self, job: Job, reason: str) -> ReportDelivery:
        """Report for an attempt that ends with a defect again and again."""
        return ReportDelivery(work_id=job.work.work_id, attempt=job.work.attempt, outcome=FAILED, error=reason[:500])

    async def _attempt(self, job: Job, message: Message, subscription: SubscriptionState | None) -> Outcome:
        url = message.url
        if message.subscription != CALLBACK:
            if subscription is None or subscription.status == DELETED or subscription.interest is None:
                return Outcome(GONE, error="the subscription was deleted")
            if subscription.status == DISABLED:
                return Outcome(FAILED, error="the subscription is disabled; enable it, or let the next attempt find it enabled")
            url = subscription.interest.url
        headers = signed_headers(job.aggregate, message.payload, self._keys(job.tenant, message, subscription), now_us())
        if _TRACEPARENT.fullmatch(job.traceparent):
            headers["traceparent"] = job.traceparent.decode()
        return await self._poster.post(url, message.payload, headers)

    def _keys(self, tenant: str, message: Message, subscription: SubscriptionState | None) -> list[str]:
        """The secret in force now and, for the overlap, the one before it: a leaked one must not sign what it was requested under."""
        if subscription is None:
            return [self._secrets.of_callbacks(tenant)]
        generations = [subscription.generation]
        if subscription.overlap_until > now_us() and subscription.generation > 1:
            generations.append(subscription.generation - 1)
        return [self._secrets.of_subscription(tenant, message.subscription, generation) for generation in generations]

    async def _give_up(self, job: Job, message: Message, subscription: SubscriptionState | None, outcome: Outcome, last: bool) -> None:
        if subscription is None or subscription.status != ACTIVE or not (outcome.outcome == GONE or last):
            return
        # Before the report: once that is recorded the work is done, and a crash in between would leave the subscription active.
        await self._disabler.disable(job, message.subscription, subscription, GONE if outcome.outcome == GONE else EXHAUSTED)


def _message(state: DeliveryState) -> Message:
    assert state.message is not None, "a delivery with work has a message"
    return state.message


def _ticket(state: DeliveryState, work: Work) -> Ticket:
    message = _message(state)
    tenant, delivery = work.work_id.split("/")[:2]
    try:
        version = _BODY.decode(message.payload).data.version
    except msgspec.DecodeError:  # not one of ours: sent as it is, and waits for nobody
        version = 0
    return Ticket((tenant, message.migration, message.subscription), version, delivery)


def _host(url: str) -> str:
    try:
        return URL(url).raw_authority
    except ValueError:
        return ""


def _report(work: Work, outcome: Outcome, seconds: float) -> ReportDelivery:
    return ReportDelivery(
        work_id=work.work_id,
        attempt=work.attempt,
        outcome=outcome.outcome,
        status_code=outcome.status_code,
        error=outcome.error,
        duration_ms=int(seconds * 1_000),
        retry_after_ms=outcome.retry_after_ms,
    )
