"""The stand-in cloud reached without a wire: the real provider's calls go straight to the books, counted, and cut off by a crash."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, Self, cast

from aiohttp import web
from botocore import xform_name
from botocore.exceptions import ClientError

from libs.providers.aws_mgn import finding
from libs.providers.aws_mgn.connecting import Kind, Sdk
from libs.providers.aws_mgn.options import Desk
from libs.providers.aws_mgn.ports import agents, cmdb, factory
from libs.providers.base import Fenced
from libs.testing.cloud.desks import DESKS
from libs.testing.cloud.models import Call, Refused, misfits, service
from libs.testing.cloud.server import OPERATIONS
from libs.testing.cloud.world import World

Answer = dict[str, Any]
PORTS = (agents, cmdb, factory)


class Crashed(BaseException):
    """The process is gone: nothing of the verb happens any more."""


class Verb:
    """The calls that one verb has made, and how many it may make before the process dies; None for any number."""

    def __init__(self, most: int | None) -> None:
        self.made, self._most = 0, most

    def call(self) -> None:
        """Make one more. Raises Crashed."""
        if self.made == self._most:
            raise Crashed
        self.made += 1


VERB: ContextVar[Verb] = ContextVar("verb")
"""The verb that a task carries out."""


REACH: ContextVar["Reach"] = ContextVar("reach")
"""The world that a task works on."""


class Reach:
    """One world, for every process that works on it; time passes by a microsecond with every call."""

    def __init__(self, world: World, tick: Callable[[], None]) -> None:
        self.world, self._tick = world, tick

    def operate(self, name: str, operation: str, params: dict[str, Any]) -> Answer:
        """Carry out an operation of a service. Raises Crashed, or ClientError as the SDK does."""
        VERB.get().call()
        self._tick()
        model = service(name.replace("-", ""))
        shape = model.operation_model(_operations(name)[operation])
        try:
            if wrong := misfits(params, shape.input_shape):
                raise Refused("ValidationException", "; ".join(wrong))
            return deepcopy(OPERATIONS[shape.name.lower()](self.world, Call(model, shape, params).params))
        except Refused as error:
            said: Any = {"Error": {"Code": error.code, "Message": str(error)}, "ResponseMetadata": {"HTTPStatusCode": error.status}}
            raise ClientError(said, shape.name) from None

    async def ask(self, who: str, method: str, path: str, body: Any, fence: int) -> Any:
        """Ask a port. Raises Crashed, or Fenced as the port's client does."""
        VERB.get().call()
        self._tick()
        parts = path.split("/")
        named = {"kind": parts[1], "id": "/".join(parts[2:])} if parts[0] == "user" else {"id": path}
        response = await DESKS[who](self.world, cast(web.Request, _Asked(method, named, body)))
        if response.status == 409:
            raise Fenced(fence + 1, fence)
        assert response.status < 300, (method, path, response.text)
        return json.loads(response.text or "null")


async def ask(method: str, desk: Desk, path: str, body: Any = None, *, who: str, fence: int = 0, scheme: str = "Bearer") -> Any:
    """What the provider's ports ask by, without a wire."""
    return await REACH.get().ask(who, method, path, body, fence)


class _Asked:
    """As much of a request as a desk reads."""

    def __init__(self, method: str, match_info: Mapping[str, str], body: Any) -> None:
        self.method, self.match_info, self._body = method, match_info, body

    async def json(self) -> Any:
        return deepcopy(self._body)


@lru_cache(maxsize=8)
def _operations(name: str) -> dict[str, str]:
    return {xform_name(operation): operation for operation in service(name.replace("-", "")).operation_names}


class _Client:
    """A client of one service."""

    def __init__(self, reach: Reach, name: str) -> None:
        self._reach, self._name = reach, name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Answer]]:
        return partial(self._call, operation)

    async def _call(self, operation: str, **params: Any) -> Answer:
        return self._reach.operate(self._name, operation, params)


class DirectSdk(Sdk):
    """Lends clients that need no wire."""

    def __init__(self, reach: Reach) -> None:
        super().__init__()
        self._reach = reach

    def lend(self, kind: Kind) -> Any:
        """A client of a service."""
        return _Client(self._reach, kind[1])

    async def give_back(self, kind: Kind, client: Any) -> None:
        """They are not kept."""


@contextmanager
def without_wire() -> Iterator[None]:
    """The provider's ports ask without a wire, and its checks share no listing, as long as this lasts."""
    kept = [(module, vars(module)["ask"]) for module in PORTS]
    fresh = finding.FRESH_S
    try:
        for module in PORTS:
            setattr(module, "ask", ask)  # noqa: B010 - the one door of the ports
        setattr(finding, "FRESH_S", -1.0)  # noqa: B010
        yield
    finally:
        for module, own in kept:
            setattr(module, "ask", own)  # noqa: B010
        setattr(finding, "FRESH_S", fresh)  # noqa: B010
