"""The secrets that receivers verify webhooks with: derived when they are asked for, never stored, never on the log."""

from pydantic import Field

from libs.edge.asking import missing
from libs.edge.decisions import Document
from libs.edge.routing import ACTORS, Answer, Call, Outcome, Route
from libs.readmodel.queries import notifications

_UNCACHED = {"Cache-Control": "no-store"}


class SigningSecret(Document):
    """What to verify signatures with (Standard Webhooks, v1)."""

    secret: str = Field(description="whsec_ and Base64: give it to the receiver, keep it as a secret")
    generation: int = Field(description="Generation of the secret, from 1; raised by a rotation")


async def of_subscription(call: Call) -> Answer:
    """Secret of one subscription, in its current generation."""
    async with call.edge.read_side.snapshot() as snapshot:
        row = await notifications.subscription(snapshot, call.principal.tenant, call.path["id"])
    if row is None or row.status == "deleted":
        raise missing("subscription")
    secret = call.edge.secrets.of_subscription(call.principal.tenant, call.path["id"], row.generation)
    return Answer({"secret": secret, "generation": row.generation}, headers=_UNCACHED)


async def of_callbacks(call: Call) -> Answer:
    """Secret that signs what callback URLs are sent."""
    return Answer({"secret": call.edge.secrets.of_callbacks(call.principal.tenant), "generation": 1}, headers=_UNCACHED)


_SHOWN = {200: Outcome("The secret", SigningSecret)}
_TAG = "notifications"
ROUTES = (
    Route(
        "GET", "/v1/subscriptions/{id}/secret", "getSubscriptionSecret", "Read the secret of a subscription", _TAG, of_subscription,
        _SHOWN, ACTORS, problems=("read_model_unavailable",),
    ),
    Route(
        "GET", "/v1/callback-secret", "getCallbackSecret", "Read the secret that callbacks are signed with", _TAG, of_callbacks,
        _SHOWN, ACTORS,
    ),
)  # fmt: skip
