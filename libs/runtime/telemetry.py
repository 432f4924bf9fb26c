"""Logs as one JSON line per fact, metrics for Prometheus, and the health endpoints of a service without HTTP of its own."""

import logging
import sys
import threading
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

_SECRET = ("password", "secret", "token", "authorization", "dsn")


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if any(word in name.lower() for word in _SECRET):
            event[name] = "[redacted]"
    return event


class _Lines:
    """Lines for standard error as it is now; one that cannot be written (a full disk, a closed pipe) is dropped: a log stops no work."""

    def __init__(self, *_: object) -> None:
        """A logger of structlog is made with the arguments of `get_logger`; none of them matters here."""

    def msg(self, line: str) -> None:
        """Write one line and flush it."""
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


def configure_logs(service: str, slot: int, level: str = "info") -> None:
    """JSON lines on standard error, each with service and slot; values under secret-sounding names are redacted."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), logging.INFO)),
        logger_factory=_Lines,
    )
    structlog.contextvars.bind_contextvars(service=service, slot=slot)


class _Handler(BaseHTTPRequestHandler):
    ready: Callable[[], bool]

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/livez":
                status, kind, payload = 200, "text/plain", b"alive\n"
            case "/readyz":
                ready = type(self).ready()
                status, kind, payload = (200, "text/plain", b"ready\n") if ready else (503, "text/plain", b"not ready\n")
            case "/metrics":
                status, kind, payload = 200, CONTENT_TYPE_LATEST, generate_latest()
            case _:
                status, kind, payload = 404, "text/plain", b"not found\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests for health are not worth a line each."""


def serve_health(port: int, ready: Callable[[], bool], host: str = "127.0.0.1") -> int:
    """Serve /livez, /readyz and /metrics in a thread; returns the port, which the system chooses when `port` is 0."""
    handler = type("Handler", (_Handler,), {"ready": staticmethod(ready)})
    server = ThreadingHTTPServer((host, port), handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server.server_address[1]
