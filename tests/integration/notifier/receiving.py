"""A receiver of webhooks that records everything and answers as a test tells it to, path by path."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson
from standardwebhooks import Webhook


class Request(NamedTuple):
    """One request as it came, and when by the receiver's monotonic clock."""

    path: str
    headers: dict[str, str]
    text: str
    at: float

    @property
    def id(self) -> str:
        """The webhook-id."""
        return self.headers["webhook-id"]

    @property
    def body(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = orjson.loads(self.text)
        return found

    @property
    def type(self) -> str:
        """The event type."""
        return str(self.body["type"])

    def verify(self, secret: str) -> Any:
        """The body, once the upstream library accepts the signature."""
        return Webhook(secret).verify(self.text, self.headers)


Answer = tuple[int, dict[str, str]]
OK: Answer = (200, {})


def _accept(_: int) -> Answer:
    return OK


class Receiver:
    """Answers 200 unless `answers[path]` says otherwise; that is called with how many requests the path had before."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[Request] = []
        self.answers: dict[str, Callable[[int], Answer]] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def url(self, path: str) -> str:
        """URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Request]:
        """What a path has received so far, in order."""
        with self._lock:
            return [request for request in self.requests if request.path == path]

    def take(self, request: Request) -> Answer:
        """Record a request; the answer to it."""
        with self._lock:
            before = self._counts[request.path]
            self._counts[request.path] += 1
            self.requests.append(request)
        return self.answers.get(request.path, _accept)(before)


@contextmanager
def receiving(clock: Callable[[], float]) -> Iterator[Receiver]:
    """A receiver on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.take(Request(self.path, headers, text, clock()))
            self.send_response(status)
            for name, value in {"Content-Length": "0", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read the record, not a log."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A sender that is killed leaves broken connections; that is what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield receiver
    server.shutdown()
    server.server_close()
