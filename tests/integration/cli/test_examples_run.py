"""The examples in docs/examples do what they say (U9, O1): from Python, by HTTP from the shell, and straight on Kafka."""

import json
import sys

import pytest

from libs.testing.waiting import wait_until
from tests.integration.cli.conftest import World


@pytest.fixture
def token(world: World) -> dict[str, str]:
    return {"WHIMBREL_TOKEN": world.issuer.issue("default", "u-1", ("producer",))}


def completed(world: World, id_: str) -> bool:
    return world.run("show", id_, "--json").json.get("status") == "completed"


def test_from_python(world: World, token: dict[str, str]) -> None:
    ended = world.program(sys.executable, "docs/examples/request_from_python.py", PYTHONPATH=".", **token)

    assert ended.code == 0, ended.err
    id_, status = ended.out.split()
    assert status in ("requested", "checking")
    wait_until(lambda: completed(world, id_), "it is carried out")


def test_by_http_and_again_with_the_same_key(world: World, token: dict[str, str]) -> None:
    first, second = (world.program("sh", "docs/examples/request_by_http.sh", **token) for _ in range(2))

    assert (first.code, second.code) == (0, 0), first.err + first.out
    assert json.loads(first.out)["id"] == json.loads(second.out)["id"]
    wait_until(lambda: completed(world, json.loads(first.out)["id"]), "it is carried out")


def test_on_kafka(world: World) -> None:
    ended = world.program(sys.executable, "docs/examples/request_on_kafka.py")

    assert ended.code == 0, ended.err
    wait_until(lambda: completed(world, "crm-2026-11"), "it is carried out")


@pytest.mark.parametrize("name", ["request_from_python.py", "request_by_http.sh", "request_on_kafka.py"])
def test_each_is_about_ten_lines(name: str, world: World) -> None:
    shown = world.program("cat", f"docs/examples/{name}").out.splitlines()

    assert len([line for line in shown if line.strip() and not line.startswith(("#", '"""', "import", "from"))]) <= 10
