"""The stand-in cloud as a process of its own: started, made unlucky for a while, asked for its books."""

import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from deploy.embedded.ports import free_port
from deploy.embedded.processes import Launch, base_env, spawn
from libs.testing.cloud.chance import Script
from libs.testing.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
LUCK = Script(
    throttled=0.02, failed=0.02, lost=0.01, launch_failures=0.05, stale_snapshots=0.01, unhealthy=0.01,
    install_ms=100, initiate_ms=100, sync_ms=400, launch_ms=400, terminate_ms=100, boot_ms=100, snapshot_ms=200,
)  # fmt: skip
"""Five calls of a hundred go wrong, and five launches of a hundred."""
Document = dict[str, Any]


class CloudProcess:
    """Use from the thread that lives as long as the cloud should."""

    def __init__(self, home: Path, seed: int) -> None:
        self.port, self.app_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        ports = ("--port", str(self.port), "--app-port", str(self.app_port))
        script = msgspec.json.encode(LUCK).decode()
        given = ("--seed", str(seed), "--books", str(home / "cloud.sqlite"), "--script", script)
        log = home / "logs" / "cloud.log"
        self._process = spawn(Launch((sys.executable, "-m", "libs.testing.cloud", *ports, *given), base_env(), ROOT), log)

        def answers() -> bool:
            assert self._process.poll() is None, log.read_text()[-2_000:]
            try:
                return self._asked("GET", "/_books") is not None
            except OSError:
                return False

        wait_until(answers, "the stand-in cloud answers")

    def machines(self, count: int, wave: str) -> list[Document]:
        """So many machines more, ready to be moved."""
        found: list[Document] = self._asked("POST", "/_machines", {"machines": count, "wave": wave})
        return found

    def unlucky(self, seconds: float, **shares: float) -> None:
        """Let more calls go wrong for a while."""
        self._asked("PUT", "/_script", msgspec.to_builtins(msgspec.structs.replace(LUCK, **shares)))
        time.sleep(seconds)
        self._asked("PUT", "/_script", msgspec.to_builtins(LUCK))

    def books(self) -> Document:
        """Everything that exists, the calls counted, and what did not fit the vendor's models."""
        found: Document = self._asked("GET", "/_books")
        return found

    def leaks(self, completed: set[str]) -> list[str]:
        """What is left that nobody wants, when these migrations (tenant/migration) are completed."""
        found: list[str] = self._asked("POST", "/_leaks", {"completed": sorted(completed)})
        return found

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(15)

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())
