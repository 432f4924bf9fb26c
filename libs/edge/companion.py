"""A process beside this one that lives as long as it does, restarted when it ends. Crash-only loops run there, so that
what ends them never ends the HTTP side."""

import asyncio
import contextlib
import sys

import structlog

_log = structlog.get_logger()
_PAUSE_S = 1.0


class Companion:
    """Runs `python -m <module>` until stopped. The child is to end when its standard input does."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def run(self) -> None:
        """Start it, and again whenever it ends. Raises OSError when the system has no process left to give."""
        while not self._stopping:
            self._process = await asyncio.create_subprocess_exec(sys.executable, "-m", self._module, stdin=asyncio.subprocess.PIPE)
            code = await self._process.wait()
            if not self._stopping:
                _log.warning("companion ended and is started again", module=self._module, code=code)
                await asyncio.sleep(_PAUSE_S)

    async def stop(self, grace_s: float) -> None:
        """Let it finish its batch; end it when that takes too long."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
