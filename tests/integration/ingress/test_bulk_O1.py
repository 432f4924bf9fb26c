"""Bulk: a line each, an answer each, in order, in constant memory, each line once (O1, U5)."""

import http.client
import json
from collections.abc import Iterator

import psutil

from tests.integration.ingress.conftest import World
from tests.integration.ingress.http import migration

_BULK = "/v1/migrations:bulk"
_NDJSON = "application/x-ndjson"


def _lines(*bodies: object) -> bytes:
    return b"".join((body if isinstance(body, bytes) else json.dumps(body).encode()) + b"\n" for body in bodies)


def test_every_line_is_answered_in_order_with_what_is_wrong_O1(world: World) -> None:
    body = _lines(
        migration(migrationId="b-1"),
        b"{oops",
        b"",
        migration(),
        migration(idempotencyKey="k-1"),
        migration(migrationId="b-2", environment="prod", appName=""),
        b'"' + b"x" * (1 << 20) + b'"',
        migration(migrationId="b-3"),
    )[:-1]

    answer = world.api("bulk", "producer").post(_BULK, body, Content_Type=_NDJSON)

    found = [json.loads(line) for line in answer.body.splitlines()]
    assert answer.status == 200
    assert [(line["line"], line["status"]) for line in found] == [(1, 202), (2, 400), (4, 422), (5, 202), (6, 422), (7, 413), (8, 202)]
    assert found[0]["migrationId"] == "b-1"
    assert {error["pointer"] for error in found[4]["problem"]["errors"]} == {"/environment", "/appName"}


def test_a_repeated_bulk_changes_nothing_D2(world: World) -> None:
    api = world.api("bulk-twice")
    body = _lines(*(migration(migrationId=f"t-{number}") for number in range(20)))

    for _ in range(2):
        assert b'"status":202' in api.post(_BULK, body, Content_Type=_NDJSON).body
    last = api.decided("/v1/migrations", migration(migrationId="last"))
    api.read(f"/v1/migrations?min_position={last.json['position']}")

    for number in range(20):
        with api.stream(f"/v1/migrations/t-{number}/events") as blocks:
            next(blocks)
        timeline = api.get(f"/v1/migrations/t-{number}/timeline").json["items"]
        assert [event["type"] for event in timeline].count("MigrationRequested") == 1


def test_another_media_type_or_role_is_refused_before_anything_is_read(world: World) -> None:
    assert world.api("bulk").post(_BULK, b"{}\n", Content_Type="application/json").status == 415
    assert world.api("bulk", "viewer").post(_BULK, b"{}\n", Content_Type=_NDJSON).status == 403


def test_memory_does_not_grow_with_the_body_SEC7(world: World) -> None:
    process = psutil.Process(world.ingress.pid)
    lines = 20_000
    _upload(world, lines // 4, "warm")
    before = process.memory_info().rss

    accepted = _upload(world, lines, "grow")

    assert accepted == lines
    assert process.memory_info().rss - before < 64 << 20


def test_long_lines_are_answered_while_more_of_them_come_SEC7(world: World) -> None:
    def pieces() -> Iterator[bytes]:
        labels = {f"l-{n}": "x" * 250 for n in range(60)}
        for n in range(100):
            yield _lines(migration(migrationId=f"long-{n}", labels=labels, source={"note": "x" * 60_000}, target={"note": "x" * 60_000}))

    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=20)
    connection.putrequest("POST", _BULK)
    for name, value in _headers(world, "bulk-long").items():
        connection.putheader(name, value)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for piece in pieces():
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    response = connection.getresponse()  # the body has not ended yet

    first = json.loads(response.readline())

    connection.send(b"0\r\n\r\n")
    rest = [json.loads(line) for line in response]
    assert [line["status"] for line in (first, *rest)] == [202] * 100


def _headers(world: World, tenant: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.issuer.issue(tenant, 'u', ['producer'])}", "Content-Type": _NDJSON}


def _upload(world: World, lines: int, name: str) -> int:
    """Send lines of 1 KiB in pieces; how many were accepted."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, lines, 200):
            yield _lines(*(migration(migrationId=f"{name}-{n}", labels={"note": "x" * 250}) for n in range(start, min(start + 200, lines))))

    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=120)
    connection.request("POST", _BULK, pieces(), _headers(world, "bulk-big"), encode_chunked=True)
    return sum(b'"status":202' in line for line in connection.getresponse())
