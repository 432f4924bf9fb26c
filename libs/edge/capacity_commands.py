"""Commands to capacities. An id is a kind, a slash and a name, in the path as in the id: /v1/capacities/calendar/prod."""

from typing import Annotated, Any

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from libs.calendars.asking import File
from libs.calendars.files import LARGEST
from libs.contracts import capacity as c
from libs.edge.asking import micros_of
from libs.edge.capacity_request import CapacityRequest, checked, freezes_of
from libs.edge.expanding import Part, expanded
from libs.edge.migration_commands import WithReason
from libs.edge.problems import HttpProblem
from libs.edge.reading import require_media
from libs.edge.routing import CALENDAR, OPERATORS, Answer, Call, Route
from libs.edge.submitting import ACCEPTED, DECIDED, Wish, submit
from libs.edge.values import Moment
from libs.readmodel.queries import capacities
from libs.runtime.clock import now_us

DAY_US = 86_400_000_000


class Override(WithReason):
    """Open a capacity by hand, whatever its windows and freezes say; limit and rate still hold."""

    until: Moment | None = Field(description="Until when; null takes back an override that still holds")


class Where(BaseModel):
    """Where the times of a calendar file are meant."""

    model_config = ConfigDict(extra="forbid")

    zone: Annotated[str, Field(max_length=64)] = Field(
        default="UTC", description="IANA time zone of whole days and of times without a zone"
    )


def id_of(call: Call) -> str:
    """The id that the path names."""
    return f"{call.path['kind']}/{call.path['name']}"


async def set_capacity(call: Call) -> Answer:
    """Replace what a capacity allows."""
    body: CapacityRequest = call.body
    return await _submit(call, c.SetCapacity(settings=await body.settings(_today())))


async def override(call: Call) -> Answer:
    """Open it by hand, or take that back."""
    until = micros_of(call.body.until) if call.body.until else 0
    return await _submit(call, c.OverrideFreeze(until=until, reason=call.body.reason))


async def import_freezes(call: Call) -> Answer:
    """Replace the freezes by the events of a calendar file, and leave the rest as it is, at the version that was read."""
    text = await _calendar(call)
    (spans,) = await expanded([Part("", File(text=text, zone=call.query.zone))], _today())
    async with call.edge.read_side.snapshot() as snapshot:
        row = await capacities.capacity(snapshot, call.principal.tenant, id_of(call))
    before = capacities.settings_of(row) if row else c.CapacitySettings()
    origin = f"calendar file of {len(text):,} characters, zone {call.query.zone}"
    settings = checked(replace(before, freezes=freezes_of(list(spans)), freezes_from=origin))
    if call.wishes.expected_version < 0:
        call = call._replace(wishes=call.wishes._replace(expected_version=row.version if row else 0))
    return await _submit(call, c.SetCapacity(settings=settings))


async def _calendar(call: Call) -> str:
    require_media(IMPORT, call.request)
    if (call.request.content_length or 0) > LARGEST:
        raise HttpProblem("body_too_large")
    try:
        return (await call.request.read()).decode()
    except UnicodeDecodeError as error:
        raise HttpProblem("unsupported_media_type", f"The file is not UTF-8 at byte {error.start}.") from error


def _today() -> int:
    """The day's first moment: the same wish on the same day is expanded to the same settings, so that its key may be used again."""
    return now_us() // DAY_US * DAY_US


async def _submit(call: Call, command: Any) -> Answer:
    id_ = id_of(call)
    return await submit(call, Wish("capacity", id_, command, f"/v1/capacities/{id_}"))


_ONE = "/v1/capacities/{kind}/{name}"
_TAG = "capacities"
_OUTCOMES = {200: DECIDED, 202: ACCEPTED}
_BEHIND = ("read_model_unavailable",)
IMPORT = Route(
    "PUT", f"{_ONE}/freezes", "importFreezes", "Replace its freezes by the events of a calendar file", _TAG, import_freezes, _OUTCOMES,
    OPERATORS, query=Where, media=CALENDAR, command=True, key_required=False,
    problems=("body_too_large", "unsupported_media_type", *_BEHIND),
)  # fmt: skip
ROUTES = (
    IMPORT,
    Route(
        "PUT", _ONE, "setCapacity", "Replace what a capacity allows", _TAG, set_capacity, _OUTCOMES, OPERATORS,
        body=CapacityRequest, command=True, key_required=False, problems=_BEHIND,
    ),
    Route(
        "POST", f"{_ONE}/override", "overrideFreeze", "Open it by hand for a time, or take that back", _TAG, override, _OUTCOMES,
        OPERATORS, body=Override, command=True, problems=_BEHIND,
    ),
)  # fmt: skip
