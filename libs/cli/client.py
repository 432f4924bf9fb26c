"""A thin typed client of the HTTP API: tokens, idempotency, retries, problems turned into errors, event streams."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import httpx2
import orjson

from libs.cli.errors import CliError, Exit
from libs.runtime.clock import new_id

ATTEMPTS = 6
LONGEST_PAUSE_S = 5.0
KNOWN_WITHIN_S = 20.0
"""Longer than the read model needs to be sure of a moment: a transaction that began before it may still be open."""
_NOT_YET = "(not_known_yet)"
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_EXITS = {400: Exit.USAGE, 404: Exit.NOT_FOUND, 405: Exit.USAGE, 413: Exit.USAGE, 415: Exit.USAGE, 422: Exit.USAGE}
_FIXES = {
    401: "get another with whimbrel token issue, or give one with --token",
    403: "use a token with one of these roles: whimbrel token issue --role ...",
}
_LISTS = {"waves": "whimbrel wave list", "capacities": "whimbrel capacity list", "dead-letters": "whimbrel dlq list"}
"""By the first part of a path below /v1, what lists the things that are there; `whimbrel list` for any other."""
_AGAIN = (429, 502, 503, 504)


class Reply(NamedTuple):
    """One answer. `position` is that of the event that it tells of, where it does."""

    status: int
    body: Any
    position: str
    etag: str


class StreamEvent(NamedTuple):
    """One event of a stream; `position` is where to go on from."""

    name: str
    position: str
    data: Any


class Api:
    """The API of one environment, spoken to with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT, follow_redirects=False)

    def get(self, path: str, **query: Any) -> Reply:
        """Read; what was a moment ago is waited for until it is known for good. Raises CliError."""
        until = time.monotonic() + KNOWN_WITHIN_S
        while True:
            try:
                return self._send("GET", path, params={name: value for name, value in query.items() if value not in (None, "")})
            except CliError as error:
                if _NOT_YET not in error.message or time.monotonic() > until:
                    raise
            time.sleep(1.0)

    def settings(self, path: str, names: Iterable[str]) -> tuple[dict[str, Any], str]:
        """Settings that hold of what is at `path`, and their ETag; nothing of what is not there yet. Raises CliError."""
        try:
            found = self.get(path)
        except CliError as error:
            if error.code != Exit.NOT_FOUND:
                raise
            return {}, ""
        return {name: found.body[name] for name in names}, found.etag

    def command(
        self, path: str, body: Any, *, key: str = "", wait_s: int = 10, if_match: str = "", query: dict[str, str] | None = None,
        method: str = "POST", media: str = "application/json",
    ) -> Reply:  # fmt: skip
        """Send a command and wait for its decision; a repeat after a fault takes effect once. Bytes are sent as they are, anything
        else as JSON. Raises CliError."""
        headers = {"Idempotency-Key": key or new_id()} | ({"Prefer": f"wait={wait_s}"} if wait_s else {})
        if if_match:
            headers["If-Match"] = if_match
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self._send(method, path, content=content, headers=headers | {"Content-Type": media}, params=query or {})

    def _send(self, method: str, path: str, **given: Any) -> Reply:
        pause, fault = 0.2, ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._http.request(method, path, **given)
            except httpx2.TransportError as error:
                fault = f"{self.url} does not answer ({_why(error)})"
            else:
                if response.status_code not in _AGAIN or attempt == ATTEMPTS:
                    return _reply(response)
                fault = f"{self.url} answers {response.status_code}"
                pause = max(pause, min(float(response.headers.get("Retry-After", 0) or 0), LONGEST_PAUSE_S))
            if attempt < ATTEMPTS:
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
        raise CliError(fault, Exit.ENVIRONMENT, "check whimbrel status, or the address given with --url")

    def stream(self, path: str, position: str = "", **query: Any) -> Iterator[StreamEvent]:
        """Events from a position on, without end; connects again by itself. Raises CliError when it cannot be had at all."""
        faults = 0
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": position} if position else {})
            try:
                with self._http.stream("GET", path, params=query, headers=headers, timeout=httpx2.Timeout(40.0, connect=5.0)) as response:
                    if response.status_code in _AGAIN:
                        raise httpx2.ReadError(str(response.status_code))
                    if response.status_code != 200:
                        response.read()
                        _reply(response)
                    for event in _events(response.iter_lines()):
                        faults, position = 0, event.position or position
                        if event.name:
                            yield event
            except httpx2.TransportError as error:
                faults += 1
                if faults > ATTEMPTS:
                    raise CliError(
                        f"the stream of {self.url} broke off ({_why(error)})", Exit.ENVIRONMENT, "check whimbrel status"
                    ) from error
            time.sleep(min(0.2 * 2**faults, LONGEST_PAUSE_S))


def _events(lines: Iterator[str]) -> Iterator[StreamEvent]:
    """Blocks of a stream (WHATWG HTML, section 9.2.6); a block without data gives an event without a name."""
    name, position = "message", ""
    data: list[str] = []
    for line in lines:
        if not line:
            yield StreamEvent(name if data else "", position, orjson.loads("\n".join(data)) if data else None)
            name, position, data = "message", "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id":
            position = value


def _reply(response: httpx2.Response) -> Reply:
    if response.is_success:
        body = orjson.loads(response.content) if response.content else None
        return Reply(response.status_code, body, response.headers.get("Event-Position", ""), response.headers.get("ETag", ""))
    raise problem(response.status_code, response.content, response.request.url.path)


def _why(error: httpx2.TransportError) -> str:
    return str(error).partition("] ")[2].lower() or type(error).__name__


def problem(status: int, content: bytes, path: str = "") -> CliError:
    """The error that a problem document (RFC 9457) is to a user. A single wrong value is said in the line itself."""
    try:
        found = orjson.loads(content)
        message, code = str(found.get("detail") or found.get("title")).rstrip("."), str(found.get("code", ""))
        wrong = [(str(one.get("pointer", "")), str(one.get("detail", ""))) for one in found.get("errors", ())]
        details = tuple(f"{pointer}: {detail}" if pointer else detail for pointer, detail in wrong)
    except (ValueError, AttributeError):
        return CliError(
            f"the API answers {status} with something that is no problem document", Exit.ENVIRONMENT, "check the address given with --url"
        )
    default = Exit.ENVIRONMENT if status >= 500 or status == 429 else Exit.REFUSED
    if len(details) == 1:
        message, details = details[0], ()
    elif details:
        message = f"{len(details)} values are not valid"
    fix = f"see what there is with {_list_of(path)}" if status == 404 else _FIXES.get(status, "")
    return CliError(f"{message} ({code})" if code else message, _EXITS.get(status, default), fix, details)


def _list_of(path: str) -> str:
    return _LISTS.get(path.removeprefix("/v1/").partition("/")[0], "whimbrel list")
