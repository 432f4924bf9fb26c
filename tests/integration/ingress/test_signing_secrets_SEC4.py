"""Receivers learn the secret that their webhooks are signed with; nobody else does (SEC4, O8)."""

from libs.edge.signing import SigningSettings, load_secrets
from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import Api

BODY = {"url": "https://receiver.example/hook", "eventTypes": ["migration.completed"]}


def created(api: Api) -> str:
    answer = api.decided("/v1/subscriptions", BODY)
    location = answer.headers["location"]
    assert api.read(f"{location}?min_position={answer.headers['event-position']}").status == 200
    return location


def test_the_secret_of_a_subscription_is_the_one_that_signs_SEC4(world: World) -> None:
    api = world.api("secrets")
    location = created(api)

    answer = api.get(f"{location}/secret")

    ours = load_secrets(SigningSettings(data_dir=world.data_dir, environment="dev")).of_subscription(
        "secrets", location.rpartition("/")[2], 1
    )
    assert answer.json == {"secret": ours, "generation": 1}
    assert answer.headers["cache-control"] == "no-store"


def test_another_tenant_or_a_viewer_does_not_learn_it_SEC1(world: World) -> None:
    location = created(world.api("secrets"))

    assert world.api("others").get(f"{location}/secret").status == 404
    assert world.api("secrets", "viewer").get(f"{location}/secret").status == 403


def test_the_secret_of_callbacks_belongs_to_the_tenant_SEC4(world: World) -> None:
    mine, theirs = (world.api(tenant).get("/v1/callback-secret").json["secret"] for tenant in ("secrets", "others"))

    assert mine == load_secrets(SigningSettings(data_dir=world.data_dir, environment="dev")).of_callbacks("secrets")
    assert mine != theirs
