"""The people of a drill: they approve, retry or roll back what is held, unblock, resume stopped waves, and give up what never gets healthy.

They look and act through the public API alone, in a thread of their own.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from libs.cli.client import Api
from libs.cli.errors import CliError
from libs.testing.chaos.chance import Random

LOOK_S = 1.0
RETRIES = 2
"""So often a failed server is tried again before it is rolled back."""
UNHEALTHY_S = 20.0
Item = dict[str, Any]


class People:
    """Look after some waves until `stop`. `did` counts what they did."""

    def __init__(self, api: Api, waves: list[str], seed: int, note: Callable[[str], object]) -> None:
        """`note` is told the position of the log of every look."""
        self._api, self._waves, self._random, self._note = api, waves, Random(seed), note
        self._retried: Counter[str] = Counter()
        self._ill: dict[str, float] = {}
        self._acted: dict[tuple[str, str], int] = {}
        self.did: Counter[str] = Counter()
        self.errors: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="people", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the thread has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self._look()
            except CliError as error:
                # Ingress may be down or behind at any moment: they look again.
                self.errors = [*self.errors[-20:], error.message]

    def _look(self) -> None:
        for wave in self._listed("/v1/waves"):
            if wave["id"] in self._waves and wave["status"] in ("running", "stopped"):
                self._tend(wave)
        for item in self._listed("/v1/migrations", status="awaiting_approval"):
            self._do("approve", item, reason="evidence was looked at")
        self._visit_the_ill()

    def _tend(self, wave: Item) -> None:
        name, states = wave["id"], wave["states"]
        if wave["status"] == "stopped":
            self._act("resume", f"/v1/waves/{name}/resume", name, wave["version"], reason="the failures are understood")
        if states.get("failed") or states.get("stuck"):
            for item in self._listed("/v1/migrations", status="failed", wave=name):
                self._decide(item)
            for item in self._listed("/v1/migrations", status="rollback_stuck", wave=name):
                self._do("retry", item, reason="the cloud was looked at")
        if wave["blocked"]:
            self._unblock(name)

    def _decide(self, item: Item) -> None:
        """A failed server is tried again from its launch, mostly; or goes back."""
        tries = self._retried[item["id"]]
        if tries >= RETRIES or self._random.random() < 0.2:
            self._do("rollback", item, reason="not this night")
        elif self._do("retry", item, reason="once more", fromStep=_launch_before(item["stepName"])):
            self._retried[item["id"]] += 1

    def _unblock(self, wave: str) -> None:
        """What a blocked server depends on did not move: it shall move without."""
        members = list(self._listed(f"/v1/waves/{wave}/members"))
        lost = {one["migration"] for one in members if one["state"] in ("rolled_back", "cancelled", "rejected")}
        for one in members:
            if one["blockedBy"] and lost & set(one["dependsOn"]):
                kept = [other for other in one["dependsOn"] if other not in lost]
                said = {"members": [{"migration": one["migration"], "dependsOn": kept}]}
                self._api.command(f"/v1/waves/{wave}/members", said, key=f"unblock-{one['migration']}-{len(kept)}")
                self.did["unblock"] += 1

    def _visit_the_ill(self) -> None:
        """An instance whose application does not answer for long is given up."""
        phases = [item for phase in ("testing", "cutting_over") for item in self._listed("/v1/migrations", status=phase)]
        ill = {item["id"]: item for item in phases if item["stepName"] in ("test_healthy", "cutover_healthy")}
        self._ill = {name: self._ill.get(name, time.monotonic()) for name in ill}
        for name, since in self._ill.items():
            if time.monotonic() - since > UNHEALTHY_S:
                self._do("rollback", ill[name], reason="the application does not answer")

    def _do(self, action: str, item: Item, **body: str) -> bool:
        return self._act(action, f"/v1/migrations/{item['id']}/{action}", item["id"], item["version"], **body)

    def _act(self, action: str, path: str, name: str, version: int, **body: str) -> bool:
        """Act once on what is seen; seen again unchanged it is under way already."""
        if self._acted.get((action, name), 0) >= version:
            return False
        try:
            self._api.command(path, body, key=f"{action}-{name}-{version}")
        except CliError as error:
            if "command_refused" not in error.message and "(" not in error.message:
                raise
            self.errors = [*self.errors[-20:], f"{action} {name}: {error.message}"]
        self._acted[action, name] = version
        self.did[action] += 1
        return True

    def _listed(self, path: str, **query: str) -> Iterator[Item]:
        cursor = ""
        while True:
            page = self._api.get(path, limit=500, cursor=cursor, **query).body
            self._note(page["position"])
            yield from page["items"]
            cursor = page.get("cursor") or ""
            if not cursor:
                return


def _launch_before(step: str) -> str:
    """Where to go back to so that a failed launch is made anew."""
    return {"test_launched": "launch_test", "test_healthy": "launch_test"}.get(
        step, "launch_cutover" if step in ("cutover_launched", "cutover_healthy") else ""
    )
