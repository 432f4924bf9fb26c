"""Questions about subscriptions and deliveries."""

from typing import Annotated, Literal

import msgspec
from pydantic import Field

from libs.edge.asking import Asked, Items, Paged, asked, missing, paged, single
from libs.edge.migration_queries import ONE_HEADERS, PAGE_HEADERS
from libs.edge.routing import Answer, Call, Outcome, Route
from libs.edge.row_documents import DeliveryDocument, SubscriptionDocument, delivery_document, subscription_document
from libs.edge.values import ID_PATTERN
from libs.readmodel.delivery import DeliveryRow
from libs.readmodel.queries import notifications
from libs.readmodel.subscription import SubscriptionRow

OptionalId = Annotated[str, Field(pattern=ID_PATTERN)] | None


class SubscriptionsQuery(Paged):
    """Which subscriptions are listed."""

    status: Literal["active", "disabled", "deleted", ""] = Field(default="", description="Only in this status; not together with at")


class DeliveriesQuery(Paged):
    """Which deliveries are listed."""

    status: Literal["sending", "delivered", "failed", ""] = Field(default="", description="Only in this status; not together with at")
    migration: OptionalId = Field(default=None, description="Only about this migration; not together with subscription")
    subscription: OptionalId = Field(default=None, description="Only of this subscription")


class Subscriptions(Items):
    """A page of subscriptions."""

    items: list[SubscriptionDocument]


class Deliveries(Items):
    """A page of deliveries."""

    items: list[DeliveryDocument]


class OneSubscription(SubscriptionDocument):
    """One subscription, and the position that the answer reflects."""

    position: str


class OneDelivery(DeliveryDocument):
    """One delivery, and the position that the answer reflects."""

    position: str


def _subscription(row: SubscriptionRow) -> dict[str, object]:
    plain = msgspec.to_builtins(row)
    return subscription_document(plain | {"event_types": msgspec.json.decode(plain["event_types"])})


def _delivery(row: DeliveryRow) -> dict[str, object]:
    return delivery_document(msgspec.to_builtins(row))


async def subscriptions(call: Call) -> Answer:
    """A page of subscriptions."""
    query: SubscriptionsQuery = call.query
    async with asked(call) as snapshot:
        tenant = call.principal.tenant
        page = await notifications.subscriptions(snapshot, tenant, status=query.status, limit=query.limit, cursor=query.cursor)
        return paged(call, snapshot, page, _subscription)


async def subscription(call: Call) -> Answer:
    """One subscription."""
    async with asked(call) as snapshot:
        row = await notifications.subscription(snapshot, call.principal.tenant, call.path["id"])
        if row is None:
            raise missing("subscription")
        return single(call, snapshot, _subscription(row), row.version)


async def deliveries(call: Call) -> Answer:
    """A page of deliveries."""
    query: DeliveriesQuery = call.query
    async with asked(call) as snapshot:
        page = await notifications.deliveries(
            snapshot, call.principal.tenant, migration=query.migration or "", subscription=query.subscription or "",
            status=query.status, limit=query.limit, cursor=query.cursor,
        )  # fmt: skip
        return paged(call, snapshot, page, _delivery)


async def delivery(call: Call) -> Answer:
    """One delivery."""
    async with asked(call) as snapshot:
        row = await notifications.delivery(snapshot, call.principal.tenant, call.path["id"])
        if row is None:
            raise missing("delivery")
        return single(call, snapshot, _delivery(row), row.version)


_TAG = "notifications"
_KNOWN = Outcome("The caller has this version", headers=ONE_HEADERS)
ROUTES = (
    Route(
        "GET", "/v1/subscriptions", "listSubscriptions", "List subscriptions", _TAG, subscriptions,
        {200: Outcome("A page", Subscriptions, headers=PAGE_HEADERS)}, query=SubscriptionsQuery, as_of=True,
    ),
    Route(
        "GET", "/v1/subscriptions/{id}", "getSubscription", "Read one subscription", _TAG, subscription,
        {200: Outcome("The subscription", OneSubscription, headers=ONE_HEADERS), 304: _KNOWN}, query=Asked, as_of=True,
    ),
    Route(
        "GET", "/v1/deliveries", "listDeliveries", "List deliveries", _TAG, deliveries,
        {200: Outcome("A page", Deliveries, headers=PAGE_HEADERS)}, query=DeliveriesQuery, as_of=True,
    ),
    Route(
        "GET", "/v1/deliveries/{id}", "getDelivery", "Read one delivery", _TAG, delivery,
        {200: Outcome("The delivery", OneDelivery, headers=ONE_HEADERS), 304: _KNOWN}, query=Asked, as_of=True,
    ),
)  # fmt: skip
