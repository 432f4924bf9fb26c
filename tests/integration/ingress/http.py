"""A plain HTTP client for tests, and examples of bodies."""

import http.client
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from libs.testing.waiting import wait_until

_keys = itertools.count(1)


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Api:
    """Sends requests with one token, each on a connection of its own."""

    def __init__(self, port: int, token: str = "") -> None:
        self._port, self._token = port, token

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; a body that is not bytes is sent as JSON, and a POST gets an Idempotency-Key unless it names one."""
        connection = self._connection()
        try:
            connection.request(method, path, *_prepared(method, body, self._headers(headers)))
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.send("GET", path, **headers)

    def read(self, path: str) -> Answer:
        """GET, asked again while the read model is behind."""
        answers: list[Answer] = []

        def caught_up() -> bool:
            answers.append(self.get(path))
            return answers[-1].status != 503

        wait_until(caught_up, f"the read model knows {path}", 30)
        return answers[-1]

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST."""
        return self.send("POST", path, body, **headers)

    def decided(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST that waits for the decision."""
        return self.post(path, body, Prefer="wait=20", **headers)

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Iterator[dict[str, str]]]:
        """Blocks of an event stream, comments left out."""
        connection = self._connection()
        try:
            connection.request("GET", path, headers=self._headers(headers))
            response = connection.getresponse()
            assert response.status == 200, (response.status, response.read())
            yield _blocks(response)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=40)

    def _headers(self, given: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in given.items()}
        return ({"Authorization": f"Bearer {self._token}"} if self._token else {}) | named


def _prepared(method: str, body: Any, headers: dict[str, str]) -> tuple[bytes | None, dict[str, str]]:
    if method == "POST":
        headers = {"Idempotency-Key": f"test-{next(_keys)}"} | headers
    if body is None or isinstance(body, bytes):
        return body, {name: value for name, value in headers.items() if value}
    return json.dumps(body).encode(), {"Content-Type": "application/json"} | headers


def _blocks(response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    block: dict[str, str] = {}
    while line := response.readline():
        text = line.decode().rstrip("\n")
        if not text:
            if block:
                yield block
            block = {}
        elif not text.startswith(":"):
            name, _, value = text.partition(": ")
            block[name] = value


def events(blocks: Iterator[dict[str, str]], count: int) -> list[dict[str, Any]]:
    """The next `count` blocks that carry data, with their data decoded."""
    with_data = (block for block in blocks if "data" in block)
    return [block | {"data": json.loads(block["data"])} for block in itertools.islice(with_data, count)]


def migration(**changes: Any) -> dict[str, Any]:
    """A valid migration request."""
    body = {
        "appName": "shop",
        "provider": "rehearsal",
        "source": {"host": "old"},
        "target": {"host": "new"},
        "environment": "dev",
        "options": {"steps": 3},
    }
    return body | changes
