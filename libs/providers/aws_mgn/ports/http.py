"""One request to somebody else's HTTP interface, every failure sorted."""

from typing import Any

import aiohttp

from libs.providers.aws_mgn.options import Desk, allowed_url
from libs.providers.base import Fenced, ProviderError
from libs.providers.credentials import BadReference, follow

SECONDS = 30
LARGEST = 4_000_000


async def ask(method: str, desk: Desk, path: str, body: Any = None, *, who: str, fence: int = 0, scheme: str = "Bearer") -> Any:
    """The decoded answer. Raises ProviderError, or Fenced where the other side has seen a higher fence."""
    if not allowed_url(desk.url):
        raise ProviderError("url_not_allowed", f"{who}: {desk.url} is not below WHIMBREL_PORT_URLS", retryable=False)
    headers = {"Authorization": f"{scheme} {_token(desk, who)}".strip()} if desk.token else {}
    url = f"{desk.url.rstrip('/')}/{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.request(method, url, json=body, headers=headers, allow_redirects=False) as response,
        ):
            return await _answer(response, who, fence)
    except TimeoutError:
        raise ProviderError(f"{who}_unreachable", f"{method} {url}: no answer in {SECONDS} s", remedy="check that it runs") from None
    except (aiohttp.ClientError, OSError) as error:
        raise ProviderError(f"{who}_unreachable", f"{method} {url}: {type(error).__name__}", remedy="check that it runs") from None


async def _answer(response: aiohttp.ClientResponse, who: str, fence: int) -> Any:
    said = f"{response.method} {response.url} answered {response.status}"
    if response.status == 409 and fence:
        seen = (await response.json(content_type=None) or {}).get("fence", fence + 1)
        raise Fenced(int(seen), fence)
    if response.method == "DELETE" and response.status in (404, 410):
        return None  # what is not there need not be withdrawn, nor what an earlier attempt has
    if response.status == 429 or response.status >= 500:
        raise ProviderError(f"{who}_unreachable", said, remedy="wait, or look at its log")
    if response.status >= 300:
        text = (await response.content.read(300)).decode(errors="replace")
        raise ProviderError(f"{who}_refused", f"{said}: {text}", retryable=False, remedy="correct the address, the item or the token")
    if response.status == 204:
        return None
    if (response.content_length or 0) > LARGEST:
        raise ProviderError(f"{who}_refused", f"{said} with {response.content_length} bytes", retryable=False, remedy="name one item")
    try:
        return await response.json(content_type=None)
    except ValueError:
        raise ProviderError(f"{who}_refused", f"{said}, which is not JSON", retryable=False, remedy="correct the address") from None


def _token(desk: Desk, who: str) -> str:
    try:
        return follow(desk.token, desk.tenant)
    except BadReference as error:
        raise ProviderError("credential_not_found", f"{who}: {error}", remedy="set it where the workers run") from None
