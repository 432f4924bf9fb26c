"""The whole table of subscriptions, of every tenant, as the compacted state topic tells it."""

import asyncio
from typing import Any, NamedTuple

import structlog
from confluent_kafka import Message

from libs.contracts.envelope import key_of
from libs.contracts.subscription import SubscriptionState
from libs.runtime.codec import Codec
from libs.runtime.errors import Poison
from libs.runtime.received import received
from libs.telling.event_types import wanted_name

_log = structlog.get_logger()
ACTIVE, DISABLED, DELETED = "active", "disabled", "deleted"


class Wanted(NamedTuple):
    """That a subscription is told of an event, under which name, and of which it is not because they are older than `since`."""

    subscription: str
    url: str
    name: str
    since: int
    generation: int


class Subscriptions:
    """States by key, and the active ones by tenant. Written by one thread; the event loop may `get` and wait until it is `loaded`."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._states: dict[bytes, SubscriptionState] = {}
        self._active: dict[bytes, dict[str, SubscriptionState]] = {}
        self._wanted: dict[tuple[bytes, type[Any]], tuple[Wanted, ...]] = {}
        self.loaded = asyncio.Event()

    def __len__(self) -> int:
        return len(self._states)

    async def complete(self) -> None:
        """Return once the table was read to its end."""
        await self.loaded.wait()

    def get(self, tenant: str, subscription: str) -> SubscriptionState | None:
        """State of a subscription; None when there is none."""
        return self._states.get(key_of(tenant, subscription))

    @property
    def tenants(self) -> dict[bytes, dict[str, SubscriptionState]]:
        """Active subscriptions by tenant; tenants without any are left out."""
        return self._active

    def take(self, message: Message) -> None:
        """Follow one record of the state topic."""
        record = received(message)
        key = record.key or b""
        tenant, _, subscription = key.partition(b"/")
        if record.value is None:
            self._forget(key, tenant, subscription.decode())
            return
        try:
            state: SubscriptionState = self._codec.decode(record.topic, key, record.value, record.headers).body
        except Poison as poison:
            _log.error("state cannot be read", topic=record.topic, partition=record.partition, offset=record.offset, detail=poison.detail)
            return
        self._forget(key, tenant, subscription.decode())
        self._states[key] = state
        if state.status == ACTIVE:
            self._active.setdefault(tenant, {})[subscription.decode()] = state

    def wanted(self, tenant: bytes, event: type[Any]) -> tuple[Wanted, ...]:
        """Who of a tenant is told of events of this class."""
        found = self._wanted.get((tenant, event))
        if found is None:
            found = self._wanted[tenant, event] = tuple(_matching(self._active.get(tenant, {}), event))
        return found

    def _forget(self, key: bytes, tenant: bytes, subscription: str) -> None:
        self._wanted.clear()
        self._states.pop(key, None)
        active = self._active.get(tenant, {})
        active.pop(subscription, None)
        if not active:
            self._active.pop(tenant, None)


def _matching(active: dict[str, SubscriptionState], event: type[Any]) -> list[Wanted]:
    return [
        Wanted(subscription, state.interest.url, name, state.since, state.generation)
        for subscription, state in active.items()
        if state.interest is not None and (name := wanted_name(state.interest.event_types, event))
    ]
