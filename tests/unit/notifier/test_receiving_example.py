"""The receiver shown in the docs does what the docs say (O8, R9)."""

import runpy
import sqlite3
from pathlib import Path

import orjson
from aiohttp.test_utils import TestServer

from libs.edge.signing import Secrets
from libs.runtime.clock import now_us
from libs.telling.addresses import policy_of
from libs.telling.connecting import connector
from libs.telling.posting import Poster, signed_headers

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "receiving-webhooks.py"
SECRET, OTHER = Secrets(b"k" * 32).of_subscription("acme", "sub-1", 1), Secrets(b"k" * 32).of_subscription("acme", "sub-2", 1)


def message(version: int, status: str) -> str:
    return orjson.dumps({"type": "t", "timestamp": "", "data": {"migration": "m-1", "version": version, "status": status}}).decode()


async def test_the_example_verifies_takes_each_message_once_and_keeps_the_newest_R9() -> None:
    database = sqlite3.connect(":memory:")
    server = TestServer(runpy.run_path(str(EXAMPLE))["application"](SECRET, database))
    await server.start_server()
    policy = policy_of("", "dev")
    poster = Poster(policy, connector(policy), timeout_s=5.0)

    async def send(id_: str, payload: str, secret: str = SECRET) -> int:
        return (await poster.post(str(server.make_url("/webhooks")), payload, signed_headers(id_, payload, [secret], now_us()))).status_code

    assert await send("d-2", message(9, "completed")) == 204
    assert await send("d-2", message(9, "completed")) == 204
    assert await send("d-1", message(4, "planned")) == 204
    assert await send("d-3", message(11, "cancelled"), OTHER) == 401

    assert database.execute("SELECT * FROM migration").fetchall() == [("m-1", 9, "completed")]
    assert database.execute("SELECT count(*) FROM seen").fetchone() == (2,)
    await poster.close()
    await server.close()
