"""What a requester says about the server, where it shall run, and who else must be told."""

import ipaddress
import re
from os import environ
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from libs.contracts.values import Problem
from libs.providers.base import MoveRequest

INSTANCE_ID = "@instance_id"
PRIVATE_IP = "@private_ip"
"""In a field of the CMDB: replaced by what the cutover instance has."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._-]+$")]
Read = TypeVar("Read")
_DESKS = ("agents", "cmdb", "factory")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the request; unknown fields are refused."""


class Source(Section, frozen=True, kw_only=True):
    """The server as it is now."""

    hostname: Name
    os: Literal["linux", "windows"] = "linux"
    instance_id: Annotated[str, msgspec.Meta(pattern=r"^(i-[0-9a-f]{8,17})?$")] = ""
    """The server itself, where it is an EC2 instance in the region moved to: it is then snapshotted before the move."""


class Target(Section, frozen=True, kw_only=True):
    """Where the server shall run."""

    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    subnet_id: Annotated[str, msgspec.Meta(pattern=r"^subnet-[0-9a-f]+$")]
    security_group_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=5)]
    instance_type: str = ""
    """What MGN recommends when empty."""
    account: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{12})?$")] = ""
    """Account that the credentials must belong to; not checked when empty."""


class Probe(Section, frozen=True, kw_only=True):
    """A question to the launched instance, asked from the workers' network."""

    kind: Literal["tcp", "http"] = "tcp"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    path: str = "/"
    status: Annotated[int, msgspec.Meta(ge=100, le=599)] = 200


class Desk(Section, frozen=True, kw_only=True):
    """An HTTP interface of somebody else."""

    url: str
    """Base address; operators allow it by WHIMBREL_PORT_URLS."""
    token: str = ""
    """Reference to the bearer token, env:NAME or file:/path."""
    tenant: str = ""
    """Whose reference that is; set by `parse`, never by a request."""


class Cmdb(Desk, frozen=True, kw_only=True):
    """The server's configuration item."""

    item: Name
    fields: dict[str, str]
    """What is set at the cutover; @instance_id and @private_ip stand for those of the new instance."""


class Factory(Desk, frozen=True, kw_only=True):
    """The server's record in Cloud Migration Factory, and its wave's."""

    server: Name
    wave: str = ""
    scheme: Literal["", "Bearer"] = ""
    """What stands before the token; the factory's own interface wants the bare token."""
    idle: str = "Not started"
    """What a wave goes back to when none of its servers has begun any more, and it had begun when this one was inspected."""
    started: str = "In progress"
    finished: str = "Completed"


class Dns(Section, frozen=True, kw_only=True):
    """The address record that is switched to the cutover instance."""

    zone_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,32}$")]
    name: Name
    ttl: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 60


class Options(Section, frozen=True, kw_only=True):
    """Options of a move."""

    health: Annotated[tuple[Probe, ...], msgspec.Meta(max_length=10)] = ()
    """What must answer on the test instance and on the cutover instance."""
    max_lag_seconds: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    """Lag at which testing may begin."""
    max_cutover_lag_seconds: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """Lag at which the cutover may begin, and within which replication must be when it is verified."""
    agent_hours: Annotated[float, msgspec.Meta(gt=0, le=720)] = 72.0
    """How long a person or automation has to install the agent."""
    quota: Literal["wait", "refuse"] = "wait"
    """When as many servers replicate as the account may: wait for a place, or refuse the move."""
    decommission: Literal["keep", "stop"] = "keep"
    """What becomes of a source that is an EC2 instance, before the move is final."""
    agents: Desk | None = None
    """Automation that installs agents; without it a person runs the command that the evidence shows."""
    dns: Dns | None = None
    cmdb: Cmdb | None = None
    factory: Factory | None = None


def source_of(request: MoveRequest) -> Source:
    """The source of a request. Raises msgspec.ValidationError."""
    return msgspec.convert(request.source, Source)


def target_of(request: MoveRequest) -> Target:
    """The target of a request. Raises msgspec.ValidationError."""
    return msgspec.convert(request.target, Target)


def parse(request: MoveRequest) -> Options:
    """Options of a request. Raises msgspec.ValidationError."""
    options = msgspec.convert(request.options, Options)
    desks = {name: getattr(options, name) for name in _DESKS}
    bound = {name: msgspec.structs.replace(desk, tenant=request.tenant) for name, desk in desks.items() if desk is not None}
    return msgspec.structs.replace(options, **bound)


def request_problems(request: MoveRequest) -> list[Problem]:
    """Everything wrong with a request that can be told without asking anybody."""
    found = [
        *_unreadable("source", request.source, Source),
        *_unreadable("target", request.target, Target),
        *_unreadable("options", request.options, Options),
    ]
    if any(problem.field.startswith("/options") for problem in found):
        return found
    options = parse(request)
    for name in _DESKS:
        desk: Desk | None = getattr(options, name)
        if desk is not None:
            found += _desk_problems(desk, f"/options/{name}")
            if "tenant" in request.options[name]:
                found.append(_problem("a request does not say whose token it is", "leave tenant out", f"/options/{name}/tenant"))
    if options.decommission == "stop" and not request.source.get("instance_id"):
        remedy = "leave decommission at keep, or name the source's instance_id"
        found.append(_problem("only a source that is an EC2 instance can be stopped", remedy, "/options/decommission"))
    return found


def _unreadable(name: str, given: dict[str, Any], kind: type[Read]) -> list[Problem]:
    try:
        msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        field = re.sub(r"[.\[]", "/", place.rstrip("`").replace("]", "").replace("[...", "/0"))
        if "unknown field `" in message or "required field `" in message:
            field += "/" + message.split("`")[1]
        return [_problem(f"the {name} is not valid: {message}", "correct the value that the field names", f"/{name}{field}")]
    return []


def _desk_problems(desk: Desk, field: str) -> list[Problem]:
    problems = []
    if not allowed_url(desk.url):
        remedy = "name an address that begins with one of them, or have the operator extend WHIMBREL_PORT_URLS"
        problems.append(_problem(f"{desk.url} is not below WHIMBREL_PORT_URLS of the workers", remedy, f"{field}/url", "url_not_allowed"))
    if desk.token and not desk.token.startswith(("env:", "file:")):
        problems.append(_problem("the token stands in clear", "refer to it by env:NAME or file:/path", f"{field}/token", "plaintext_token"))
    return problems


def allowed_url(url: str) -> bool:
    """Whether workers may send requests, and tokens with them, below this address."""
    asked = urlsplit(url)
    for allowed in map(str.strip, environ.get("WHIMBREL_PORT_URLS", "").split(",")):
        place = urlsplit(allowed)
        if allowed and (asked.scheme, asked.netloc) == (place.scheme, place.netloc) and _below(asked.path, place.path):
            return asked.scheme == "https" or _loopback(asked.hostname or "")
    return False


def _below(path: str, root: str) -> bool:
    return ".." not in path.split("/") and (path.rstrip("/") + "/").startswith(root.rstrip("/") + "/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _problem(message: str, remedy: str, field: str, code: str = "invalid_option") -> Problem:
    return Problem(code=code, category="validation", message=message, remedy=remedy, field=field)
