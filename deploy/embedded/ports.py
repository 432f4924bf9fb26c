"""Ports on the loopback address."""

import http.client
import secrets
import socket
import sys

from deploy.embedded.errors import EnvironmentProblem

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel picks ports of outgoing connections: a server that is
# down for a moment must find its port still free when it comes back.
_PICK_FROM = range(20000, 32000)
UNHELD = range(32000, 32700)
"""For ports that nobody listens on most of the time: no other process may take one for free meanwhile."""
_handed_out: dict[int, socket.socket | None] = {}


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int, timeout: float = 0.5) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout).close()
    except OSError:
        return False
    return True


def get(port: int, path: str, timeout: float = 2) -> tuple[int, bytes] | None:
    """Status and body of an HTTP GET on a loopback port; None when nothing answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def free_port(within: range = _PICK_FROM) -> int:
    """A free loopback port; on Linux nobody else gets it here before this process ends, whether or not something listens on it."""
    for port in secrets.SystemRandom().sample(within, min(500, len(within))):
        if port not in _handed_out and _reserve(port):
            if is_free(port):
                return port
            _release(port)
    raise EnvironmentProblem(f"no free port between {within.start} and {within.stop}: stop other servers first")


def _reserve(port: int) -> bool:
    """Whether no other process has reserved it: the name of a socket without a file goes when its process does."""
    if sys.platform != "linux":
        _handed_out[port] = None
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0whimbrel-port-{port}")
    except OSError:
        name.close()
        return False
    _handed_out[port] = name
    return True


def _release(port: int) -> None:
    name = _handed_out.pop(port)
    if name is not None:
        name.close()


def require_free(component: str, port: int, option: str) -> None:
    """Raise EnvironmentProblem naming the option that changes the port when `port` is taken or not allowed."""
    if is_free(port):
        return
    raise EnvironmentProblem(f"port {port} for {component} is taken: stop what listens there, or choose another with {option}")
