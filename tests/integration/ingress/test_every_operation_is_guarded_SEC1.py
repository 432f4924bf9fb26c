"""Every operation of the table, with no token, an expired one, one without the role, and the right one (SEC1)."""

import re

import pytest

from libs.edge.auth import ROLES
from libs.edge.routing import Route
from libs.edge.table import ROUTES
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Answer, Api

GUARDED = [route for route in ROUTES if route.roles is not None]
_PLACES = {
    "kind": "limit",
    "name": "guard",
    "letter": "ingress_x.intake_0_1",
    "tenant": "guard",
    "step": "0",
    "chunk": "-",
    "direction": "apply",
    "round": "1",
}
_STREAMS = ("streamEvents", "streamMigrationEvents")


def _call(api: Api, route: Route) -> Answer:
    path = re.sub(r"\{(\w+)\}", lambda match: _PLACES.get(match[1], "nothing"), route.path)
    position = "?position=malformed" if route.name in _STREAMS else ""
    body = None if route.body is None and route.line is None else b"{}"
    return api.send(route.method, path + position, body, Content_Type=route.media, Idempotency_Key="guard")


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_without_a_good_token_nothing_is_done_SEC1(world: World, route: Route) -> None:
    expired = Api(world.port, world.issuer.issue("guard", "u", sorted(ROLES), -600))

    assert _call(Api(world.port), route).json["code"] == "unauthenticated"
    assert _call(expired, route).json["code"] == "invalid_token"


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_each_role_may_do_what_the_table_says_and_nothing_else_SEC1(world: World, route: Route) -> None:
    answers = {role: _call(world.api("guard", role), route) for role in sorted(ROLES)}

    assert {role for role, answer in answers.items() if answer.status != 403} == route.roles
    assert all(answer.status < 500 for answer in answers.values())
    assert _call(world.api("guard", "unheard-of"), route).status == 403
