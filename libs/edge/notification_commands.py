"""Commands to subscriptions and deliveries."""

from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, Field, UrlConstraints, field_validator
from pydantic_core import PydanticCustomError

from libs.contracts import subscription as s
from libs.contracts.delivery import ReplayDelivery
from libs.edge.identity import aggregate_id_of
from libs.edge.migration_commands import MayHaveReason, WithReason
from libs.edge.migration_request import Body
from libs.edge.routing import OPERATORS, Answer, Call, Route
from libs.edge.submitting import ACCEPTED, DECIDED, Wish, submit
from libs.edge.values import Id, OptionalReason

EventType = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z_]*(\.[a-z_]+)*(\.?\*)?)$", max_length=100)]


class SubscriptionInterest(Body):
    """Which events are wanted, and where they go."""

    url: Annotated[AnyHttpUrl, UrlConstraints(max_length=2_000)] = Field(description="Endpoint that is told by signed webhook")
    event_types: list[EventType] = Field(
        min_length=1, max_length=50, description="Types wanted, e.g. migration.completed; a trailing * matches more"
    )
    channel: Literal["webhook"] = Field(default="webhook", description="How they are sent")
    description: OptionalReason = Field(default="", description="What it is for, for people")

    @field_validator("url")
    @classmethod
    def _no_credentials(cls, value: AnyHttpUrl) -> AnyHttpUrl:
        if value.username or value.password:
            raise PydanticCustomError("plaintext_secret", "the URL of an endpoint holds no user or password")
        return value

    def interest(self) -> s.Interest:
        """The interest that the commands carry."""
        types = tuple(dict.fromkeys(self.event_types))
        return s.Interest(url=str(self.url), event_types=types, channel=self.channel, description=self.description)


class NewSubscription(SubscriptionInterest):
    """Ask to be told of events."""

    subscription_id: Id | None = Field(
        default=None, description="Id of the subscription; derived from tenant and Idempotency-Key when left out"
    )


async def create(call: Call) -> Answer:
    """Ask to be told of events."""
    id_ = call.body.subscription_id or aggregate_id_of(call.principal.tenant, call.wishes.idempotency_key)
    return await _submit(call, id_, s.CreateSubscription(interest=call.body.interest()), created=True)


async def change(call: Call) -> Answer:
    """Replace what is wanted."""
    return await _submit(call, call.path["id"], s.ChangeSubscription(interest=call.body.interest()))


async def delete(call: Call) -> Answer:
    """End it for good."""
    return await _submit(call, call.path["id"], s.DeleteSubscription())


_COMMANDS: dict[str, type[Any]] = {"disable": s.DisableSubscription, "enable": s.EnableSubscription, "rotate": s.RotateSecret}


async def operate(call: Call) -> Answer:
    """Send the command that the last part of the path names."""
    command = _COMMANDS[call.request.path.rpartition("/")[2]](reason=call.body.reason)
    return await _submit(call, call.path["id"], command)


async def _submit(call: Call, id_: str, command: Any, *, created: bool = False) -> Answer:
    return await submit(call, Wish("subscription", id_, command, f"/v1/subscriptions/{id_}", created))


async def replay(call: Call) -> Answer:
    """Send a message once more."""
    id_ = call.path["id"]
    return await submit(call, Wish("delivery", id_, ReplayDelivery(reason=call.body.reason), f"/v1/deliveries/{id_}"))


_ONE = "/v1/subscriptions/{id}"
_TAG = "notifications"
_OUTCOMES = {200: DECIDED, 202: ACCEPTED}
_BEHIND = ("read_model_unavailable",)


def _operation(action: str, name: str, summary: str, body: type[Body]) -> Route:
    path = f"{_ONE}/{action}"
    return Route("POST", path, name, summary, _TAG, operate, _OUTCOMES, OPERATORS, body=body, command=True, problems=_BEHIND)


ROUTES = (
    Route(
        "POST", "/v1/subscriptions", "createSubscription", "Ask to be told of events", _TAG, create,
        {201: DECIDED, 202: ACCEPTED}, OPERATORS, body=NewSubscription, command=True, problems=_BEHIND,
    ),
    Route(
        "PUT", _ONE, "changeSubscription", "Replace what is wanted", _TAG, change, _OUTCOMES, OPERATORS,
        body=SubscriptionInterest, command=True, key_required=False, problems=_BEHIND,
    ),
    Route(
        "DELETE", _ONE, "deleteSubscription", "End it for good", _TAG, delete, _OUTCOMES, OPERATORS,
        command=True, key_required=False, problems=_BEHIND,
    ),
    _operation("disable", "disableSubscription", "Stop telling, but keep it", WithReason),
    _operation("enable", "enableSubscription", "Go on telling", MayHaveReason),
    _operation("rotate", "rotateSecret", "Sign with a new secret, and for a day with the old one as well", MayHaveReason),
    Route(
        "POST", "/v1/deliveries/{id}/replay", "replayDelivery", "Send a message once more, with the same id", _TAG, replay,
        _OUTCOMES, OPERATORS, body=MayHaveReason, command=True, problems=_BEHIND,
    ),
)  # fmt: skip
