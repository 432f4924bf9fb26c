"""One attempt to send a webhook: signed, bounded in time, sorted into delivered, failed or gone."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.client_exceptions import ClientConnectorCertificateError, ClientConnectorDNSError, ClientConnectorError, ClientSSLError
from standardwebhooks import Webhook
from yarl import URL

from libs.runtime.clock import now_us
from libs.telling.addresses import AddressPolicy, Forbidden, Refused

DELIVERED, FAILED, GONE = "delivered", "failed", "gone"
_GONE_STATUS = 410
_USER_AGENT = "Whimbrel-Webhooks/1"


class Outcome(NamedTuple):
    """How an attempt ended. `error` is a sentence for the endpoint's owner."""

    outcome: str
    status_code: int = 0
    error: str = ""
    retry_after_ms: int = 0


def signed_headers(message: str, payload: str, secrets: list[str], now: int) -> dict[str, str]:
    """Standard Webhooks headers: one signature a secret, so that receivers may know either during a rotation. `now` in microseconds."""
    seconds = now // 1_000_000
    at = datetime.fromtimestamp(seconds, UTC)
    signatures = " ".join(Webhook(secret).sign(message, at, payload) for secret in secrets)
    return {"webhook-id": message, "webhook-timestamp": str(seconds), "webhook-signature": signatures}


class Poster:
    """Posts webhooks through one connector. Redirects are not followed and cookies not kept; proxies are not used."""

    def __init__(self, policy: AddressPolicy, connector: TCPConnector, timeout_s: float) -> None:
        self._policy, self._timeout_s = policy, timeout_s
        self._session = ClientSession(
            connector=connector,
            timeout=ClientTimeout(total=timeout_s),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": _USER_AGENT, "Content-Type": "application/json"},
        )

    async def post(self, url: str, payload: str, headers: dict[str, str]) -> Outcome:
        """Send it once; the body of the answer is not read. Never raises for what the endpoint or the network does."""
        try:
            target = self._policy.checked(url)
        except Refused as error:
            return Outcome(GONE, error=str(error))
        try:
            async with self._session.post(target, data=payload.encode(), headers=headers, allow_redirects=False) as answer:
                return outcome_of(answer, now_us())
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            return Outcome(FAILED, error=self._sentence(error, target))

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def _sentence(self, error: BaseException, target: URL) -> str:
        cause = error.os_error if isinstance(error, ClientConnectorError) else error
        if isinstance(cause, Forbidden):
            return str(cause)
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        if isinstance(error, ClientConnectorDNSError):
            return f"the host {target.host} has no address"
        if isinstance(error, ClientSSLError | ClientConnectorCertificateError):
            return f"the TLS certificate or handshake of {target.host} is not acceptable"
        if isinstance(error, ClientConnectorError):
            return f"{target.host}:{target.port} cannot be connected to"
        return f"the exchange broke off ({type(error).__name__})"


def outcome_of(answer: ClientResponse, now: int) -> Outcome:
    """What a status means: 2xx is acceptance, 410 an end for good, anything else, a redirect included, a failure."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(DELIVERED, status)
    if status == _GONE_STATUS:
        return Outcome(GONE, status, "the endpoint answered 410 Gone")
    said = "a redirect, which is not followed" if 300 <= status < 400 else "no success"
    return Outcome(FAILED, status, f"the endpoint answered {status}, {said}", retry_after_ms(answer.headers.get("Retry-After", ""), now))


def retry_after_ms(value: str, now: int) -> int:
    """The pause that a Retry-After header asks for, as seconds or as a date (RFC 9110, 10.2.3); 0 when it is neither."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * 1_000
    try:
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        asked = int(at.timestamp() * 1_000) - now // 1_000
    except (ValueError, OverflowError, TypeError, IndexError):  # whatever the parser makes of a stranger's header
        return 0
    return max(0, asked)
