"""Asking a launched instance whether its application answers."""

import asyncio
from time import monotonic

import aiohttp

from libs.providers.aws_mgn.options import Probe

SECONDS = 5.0


async def answers(probe: Probe, address: str) -> tuple[str, float]:
    """What is wrong, in words, or nothing; and the milliseconds that it took."""
    begun = monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            wrong = await (_http(probe, address) if probe.kind == "http" else _tcp(probe, address))
    except TimeoutError:
        wrong = f"no answer in {SECONDS:.0f} s"
    except (OSError, aiohttp.ClientError) as error:
        wrong = type(error).__name__
    return wrong, (monotonic() - begun) * 1_000


async def _tcp(probe: Probe, address: str) -> str:
    _, writer = await asyncio.open_connection(address, probe.port)
    writer.close()
    await writer.wait_closed()
    return ""


async def _http(probe: Probe, address: str) -> str:
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{probe.port}/{probe.path.lstrip('/')}"
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
        return "" if response.status == probe.status else f"{probe.path} answers {response.status}, not {probe.status}"
