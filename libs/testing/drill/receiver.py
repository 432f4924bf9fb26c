"""Where callbacks arrive: keeps every message under the id that it came with; now and then refuses one the first time."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

REFUSED = 0.03
"""Share of messages that are refused the first time they come."""


class Callback(NamedTuple):
    """One request as it came."""

    webhook_id: str
    body: bytes


class Receiver:
    """Keeps what came. `url` is what requests name as their callback URL."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/callback"
        self._callbacks: list[Callback] = []
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def callbacks(self) -> list[Callback]:
        """Everything that came until now, in order."""
        with self._lock:
            return list(self._callbacks)

    def ends(self) -> set[str]:
        """Migrations whose end was told."""
        told = [json.loads(one.body) for one in self.callbacks()]
        return {one["data"]["migration"] for one in told if one["type"] in ENDS}

    def take(self, callback: Callback) -> int:
        """Record a request; the status to answer."""
        with self._lock:
            self._callbacks.append(callback)
            known = callback.webhook_id in self._seen
            self._seen.add(callback.webhook_id)
        drawn = hashlib.blake2b(callback.webhook_id.encode(), digest_size=2).digest()
        return 503 if not known and int.from_bytes(drawn, "big") < REFUSED * 65_536 else 200


ENDS = {"migration.completed", "migration.rolled_back", "migration.cancelled", "migration.rejected"}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(Callback(self.headers["webhook-id"], body)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """The record is what is read."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A notifier that is killed leaves broken connections."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_address[1])
    threading.Thread(target=server.serve_forever, name="receiver", daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
