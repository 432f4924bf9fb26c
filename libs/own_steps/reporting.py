"""Reports on their way to Whimbrel: sent again until they are taken, refused for good, or too late."""

import asyncio
from typing import Any

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from libs.own_steps.work import Progress
from libs.providers.external.message import WorkData, micros_of
from libs.runtime.clock import now_us

_log = structlog.get_logger()
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_AGAIN = frozenset({404, 408, 425, 429})
_TIMEOUT = ClientTimeout(total=20)


class Reporter:
    """Reports to one API with one token (role reporter). Make it inside the event loop that it is used in."""

    def __init__(self, api: str, token: str) -> None:
        self._api = api.rstrip("/")
        self._session = ClientSession(headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT)

    async def report(self, data: WorkData, report: dict[str, Any]) -> None:
        """Return once the report was taken or refused, or the deadline of its attempt has passed."""
        pause = _FIRST_PAUSE_S
        while True:
            status, said = await self._post(data.report, report)
            if not (status == 0 or status >= 500 or status in _AGAIN):
                (_log.info if status < 400 else _log.warning)(
                    "reported", work=data.work_id, attempt=data.attempt, status=status, answer=said
                )
                return
            if now_us() >= micros_of(data.deadline):
                _log.error("not reported in time", work=data.work_id, attempt=data.attempt, status=status, answer=said)
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def progress_of(self, data: WorkData) -> Progress:
        """What a step tells its progress to: sent once, and lost when that fails."""
        path = f"{data.report.rpartition('/')[0]}/progress"

        async def tell(done: int, total: int, unit: str) -> None:
            await self._post(path, {"attempt": data.attempt, "ticket": data.ticket, "done": done, "total": total, "unit": unit})

        return tell

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        """Status and text of the answer; status 0 when there is none."""
        try:
            async with self._session.post(self._api + path, json=body) as answer:
                return answer.status, (await answer.text())[:500]
        except (ClientError, OSError, TimeoutError) as error:
            return 0, type(error).__name__
