"""The ways out of a worker: webhooks through checked addresses, and messages on topics that an operator allows."""

import asyncio
from fnmatch import fnmatchcase
from functools import cached_property

from libs.edge.sending import Sender
from libs.edge.signing import Secrets, load_secrets
from libs.providers.base import ProviderError
from libs.providers.external.outside import Told
from libs.runtime.clock import now_us
from libs.runtime.codec import Headers, Record
from libs.runtime.errors import Misconfigured
from libs.telling.addresses import AddressPolicy, Refused, policy_of
from libs.telling.connecting import connector
from libs.telling.posting import DELIVERED, GONE, Poster, signed_headers
from libs.telling.settings import TellingSettings

_CONFIRMED_WITHIN_S = 10.0
_CONTENT: Headers = [("content-type", b"application/json")]


class Outgoing:
    """What `external` is given (libs.providers.external.outside). Clients are made when they are first needed."""

    def __init__(self, settings: TellingSettings) -> None:
        self._settings = settings
        self._patterns = [pattern.strip() for pattern in settings.external_topics.split(",")]
        self._policy: AddressPolicy = policy_of(settings.webhook_allow, settings.environment)

    @cached_property
    def _secrets(self) -> Secrets:
        return load_secrets(self._settings)

    @cached_property
    def _poster(self) -> Poster:
        return Poster(self._policy, connector(self._policy), self._settings.webhook_timeout_s)

    @cached_property
    def _sender(self) -> Sender:
        return Sender(self._settings.kafka, _CONFIRMED_WITHIN_S)

    def url_refusal(self, url: str) -> str:
        """Why nothing may be posted to a URL."""
        try:
            self._policy.checked(url)
        except Refused as refused:
            return str(refused)
        return ""

    def topic_refusal(self, topic: str) -> str:
        """Why nothing may be written to a topic: an operator allows patterns, and a topic of ours is never one."""
        if topic.startswith(f"{self._settings.prefix}."):
            return f"topic {topic} belongs to this installation"
        if not any(fnmatchcase(topic, pattern) for pattern in self._patterns):
            return f"topic {topic} is none that WHIMBREL_EXTERNAL_TOPICS ({self._settings.external_topics}) allows"
        return ""

    def ticket(self, work_id: str, attempt: int) -> str:
        """What a report of this attempt must bring back. Raises ProviderError without a master key."""
        try:
            return self._secrets.ticket(work_id, attempt)
        except Misconfigured as error:
            remedy = "give migrator and verifier the key that ingress has"
            raise ProviderError("no_signing_key", str(error), category="prerequisite", remedy=remedy) from error

    async def post(self, url: str, secret: str, message_id: str, payload: str) -> Told:
        """Post a signed webhook, once."""
        outcome = await self._poster.post(url, payload, signed_headers(message_id, payload, [secret], now_us()))
        return Told() if outcome.outcome == DELIVERED else Told(outcome.error, final=outcome.outcome == GONE)

    async def publish(self, topic: str, key: str, message_id: str, payload: str) -> Told:
        """Write to a topic and wait for the broker."""
        if refused := self.topic_refusal(topic):
            return Told(refused, final=True)
        headers: Headers = [("webhook-id", message_id.encode()), *_CONTENT]
        (outcome,) = await self._sender.send([(topic, Record(key.encode(), payload.encode(), headers))])
        return Told(f"Kafka did not confirm the message on {topic} ({outcome.strip('_').lower()})") if outcome else Told()

    async def close(self) -> None:
        """Close what was opened."""
        if "_poster" in self.__dict__:
            await self._poster.close()
        if "_sender" in self.__dict__:
            await asyncio.to_thread(self._sender.close)
