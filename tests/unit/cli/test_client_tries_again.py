"""The client repeats a command under the same key when the API is away for a moment, and turns problems into errors (U3)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from libs.cli.client import Api, StreamEvent, _events, problem
from libs.cli.errors import CliError, Exit

Answer = tuple[int, bytes, dict[str, str]]


@contextmanager
def api(*answers: Answer) -> Iterator[tuple[Api, list[dict[str, Any]]]]:
    """A server that gives these answers in turn, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        left: ClassVar = list(answers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({"path": self.path, "key": self.headers["Idempotency-Key"], "body": body})
            status, content, headers = self.left.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Api(f"http://127.0.0.1:{server.server_address[1]}", "token"), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_api_that_is_away_is_asked_again_under_the_same_key() -> None:
    with api((503, b"", {"Retry-After": "0"}), (503, b"", {}), (201, b'{"id": "m"}', {"Event-Position": "migration:0:1"})) as (
        client,
        asked,
    ):
        reply = client.command("/v1/migrations", {"a": 1})

    assert (reply.status, reply.body, reply.position) == (201, {"id": "m"}, "migration:0:1")
    assert len(asked) == 3
    assert len({(one["path"], one["key"], one["body"]) for one in asked}) == 1


def test_a_refusal_is_not_repeated() -> None:
    with api((409, b'{"detail": "It has ended.", "code": "ended"}', {})) as (client, asked), pytest.raises(CliError) as raised:
        client.command("/v1/migrations/m/pause", {"reason": "x"})

    assert (raised.value.code, raised.value.message) == (Exit.REFUSED, "It has ended (ended)")
    assert len(asked) == 1


def test_nobody_there_is_said_with_what_to_check() -> None:
    with pytest.raises(CliError) as raised:
        Api("http://127.0.0.1:1", "token").get("/v1/migrations")

    assert raised.value.code == Exit.ENVIRONMENT
    assert "(connection refused)" in raised.value.line
    assert "whimbrel status" in raised.value.line


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 2), (401, 4), (403, 4), (404, 5), (409, 4), (412, 4), (422, 2), (429, 3), (500, 3), (503, 3)],
)
def test_each_status_has_its_exit_code(status: int, code: int) -> None:
    assert problem(status, b'{"detail": "x", "code": "y"}').code == code


def test_every_wrong_field_is_named() -> None:
    errors = b'[{"pointer": "/appName", "detail": "is empty"}, {"pointer": "", "detail": "is too long"}]'
    error = problem(422, b'{"detail": "x", "code": "invalid_request", "errors": %b}' % errors)

    assert error.line == "2 values are not valid (invalid_request)"
    assert error.details == ("/appName: is empty", "is too long")


def test_a_single_wrong_field_is_said_in_one_line() -> None:
    error = problem(422, b'{"detail": "x", "code": "invalid_request", "errors": [{"pointer": "/appName", "detail": "is empty"}]}')

    assert (error.line, error.details) == ("/appName: is empty (invalid_request)", ())


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("/v1/waves/w1/members", "whimbrel wave list"),
        ("/v1/capacities/calendar/prod", "whimbrel capacity list"),
        ("/v1/dead-letters/x", "whimbrel dlq list"),
        ("/v1/migrations/m1", "whimbrel list"),
    ],
)
def test_what_is_not_there_leads_to_the_list_of_its_kind(path: str, remedy: str) -> None:
    assert problem(404, b'{"detail": "There is none.", "code": "not_found"}', path).fix == f"see what there is with {remedy}"


def test_an_answer_that_is_no_problem_document_is_said_to_be_none() -> None:
    assert "no problem document" in problem(502, b"<html>").message


def test_blocks_of_a_stream_become_events_and_heartbeats_move_the_position() -> None:
    lines = ["retry: 2000", "", ": heartbeat", "id: m:0:1", "", "event: message", "id: m:0:2", 'data: {"a":', "data: 1}", "", "data: 7", ""]

    assert list(_events(iter(lines))) == [
        StreamEvent("", "", None),
        StreamEvent("", "m:0:1", None),
        StreamEvent("message", "m:0:2", {"a": 1}),
        StreamEvent("message", "", 7),
    ]
