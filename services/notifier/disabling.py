"""Asks to disable a subscription whose endpoint is gone or was given up, so that its owner sees it and nothing more is tried."""

import asyncio

from libs.contracts.envelope import CommandEnvelope
from libs.contracts.subscription import DisableSubscription, SubscriptionState
from libs.contracts.topics import commands_of
from libs.runtime import kafka
from libs.runtime.clock import now_us
from libs.runtime.codec import Codec
from libs.runtime.errors import RegistryUnavailable
from libs.runtime.executor import Job
from libs.runtime.registry import Registry
from libs.runtime.settings import Settings
from services.notifier.identity import disable_id_of
from services.notifier.matching import SERVICE

GONE = "gone"
EXHAUSTED = "exhausted"
REASONS = {
    GONE: "the endpoint refuses for good (410 Gone, or an address that cannot be sent to); put it right, then enable the subscription",
    EXHAUSTED: "every attempt to deliver a message has failed, over three days; see that the endpoint accepts it, then enable the subscription",
}
_PAUSE_S = 1.0


class Disabler:
    """Sends the command and returns once the broker has it. Deliveries that find the same thing send the same command."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec = Codec(Registry(settings.registry), settings.prefix, SERVICE)
        self._producer = kafka.worker_producer(settings.kafka)
        self._topic = commands_of(settings.prefix, "subscription")

    async def disable(self, job: Job, subscription: str, state: SubscriptionState, cause: str) -> None:
        """Ask for it, however long the broker takes. `state` is the one that the endpoint was told under."""
        envelope = CommandEnvelope(
            command_id=disable_id_of(subscription, state.stream.version, cause),
            tenant=job.tenant,
            aggregate=subscription,
            environment=self._settings.environment,
            actor=f"service:{SERVICE}",
            correlation_id=job.state.stream.correlation_id,
            occurred_at=now_us(),
            expected_version=state.stream.version,
        )
        await self._send(envelope, DisableSubscription(reason=REASONS[cause]), job.traceparent)

    async def _send(self, envelope: CommandEnvelope, body: DisableSubscription, traceparent: bytes) -> None:
        while True:
            try:
                record = await asyncio.to_thread(self._codec.command, self._topic, envelope, body, traceparent)
                break
            except RegistryUnavailable:
                await asyncio.sleep(_PAUSE_S)
        self._producer.produce(self._topic, record.value, record.key, headers=record.headers)
        while await asyncio.to_thread(self._producer.flush, _PAUSE_S):
            continue
