"""Ports on the loopback address."""

import http.client
import os
import secrets
import socket

from deploy.embedded.errors import EnvironmentProblem

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel picks ports of outgoing connections: a server that is
# down for a moment must find its port still free when it comes back.
_PICK_FROM = range(20000, 32000)
UNHELD = range(32000, 32700)
"""For ports that nobody listens on most of the time: no other process may take one for free meanwhile."""
_SLICES = 16
_handed_out: set[int] = set()


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
    """A free loopback port, never handed out twice by one process, and seldom the one that another process is about to take."""
    mine = within[os.getpid() % _SLICES :: _SLICES]
    chance = secrets.SystemRandom()
    for port in (*chance.sample(mine, min(500, len(mine))), *chance.sample(within, 500)):
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    raise EnvironmentProblem(f"no free port between {within.start} and {within.stop}: stop other servers first")


def require_free(component: str, port: int, option: str) -> None:
    """Raise EnvironmentProblem naming the option that changes the port when `port` is taken or not allowed."""
    if is_free(port):
        return
    raise EnvironmentProblem(f"port {port} for {component} is taken: stop what listens there, or choose another with {option}")
