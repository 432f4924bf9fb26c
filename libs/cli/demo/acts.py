"""The acts of the demonstration: build, move, break."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from libs.cli.client import Api
from libs.cli.demo import databases
from libs.cli.demo.run_file import BREAKING, DONE, MOVING, Run, save
from libs.cli.demo.settings import FEWEST_ROWS, DemoSettings
from libs.cli.demo.shop import Shop, open_shop
from libs.cli.demo.telling import act, remark
from libs.cli.errors import CliError, Exit
from libs.cli.following import Follower
from libs.cli.live_view import view
from libs.cli.story import Story
from libs.cli.text import number
from libs.testing.sample_database.writer import doubled, lost

MOVE_LIMIT_S = 1_800.0
SECOND_SHARE = 20
"""The second database has this fraction of the first one's rows."""
FAULT_AFTER = "create_publication"
SERVING_GAP_MS = 3_000
"""A gap between writes up to which a source counts as serving on a busy machine; the writer's own limit for one try is 5 s."""
WARM_UP_WRITES = 50


class Play:
    """One run of the demonstration on a running stack. `servers` are the addresses of source and target server."""

    def __init__(self, settings: DemoSettings, api: Api, servers: tuple[str, str], run: Run) -> None:
        self._settings, self._api, self._servers, self.run = settings, api, servers, run
        self._home = settings.data_dir / "demo"
        self._home.mkdir(parents=True, exist_ok=True)

    def _remember(self, **changes: Any) -> None:
        self.run = self.run.model_copy(update=changes)
        save(self._home / "run.json", self.run)

    def _address(self, side: int, database: str) -> str:
        return databases.address(self._servers[side], database)

    def build(self) -> None:
        """Make and fill the databases."""
        run = self.run
        began = time.monotonic()
        asyncio.run(databases.fresh(self._servers, (run.database, run.second)))
        rows = asyncio.run(databases.filled(self._address(0, run.database), self._settings.demo_rows))
        asyncio.run(databases.filled(self._address(0, run.second), max(FEWEST_ROWS, self._settings.demo_rows // SECOND_SHARE)))
        remark(f"{number(rows)} rows in {run.database} on the source server, after {time.monotonic() - began:.1f} s")
        self._remember(rows=rows, stage=MOVING)

    def move(self) -> None:
        """Move the database under load, and count."""
        run = self.run
        with self._shop(run.database) as shop:
            _warm(shop)
            began, writes = time.monotonic(), shop.writes
            before = writes if run.writes_before is None else run.writes_before
            self._remember(writes_before=before)
            story = self._follow(f"{run.database}-move", run.database, shop)
            during, rate = shop.writes - before, (shop.writes - writes) / (time.monotonic() - began)
        if story.end != "completed":
            raise CliError(f"{story.id} ended as {story.status}: {_why(story)}", Exit.FAILED, f"see whimbrel events {story.id}")
        target, verified = self._address(1, run.database), story.evidence.get("verify_equal", {})
        missing, twice = len(asyncio.run(lost(target, shop.promised))), asyncio.run(doubled(target))
        if twice:
            raise CliError(f"{twice} writes took effect twice", Exit.FAILED)
        equal = bool(verified.get("equal") and verified.get("checksums"))
        counted = {"writes_during": during, "writes_per_second": rate, "lost": missing, "pause_ms": round(shop.longest_gap_ms)}
        self._remember(stage=BREAKING, checksums_equal=equal, **counted)

    def break_off(self) -> bool:
        """Begin a second move, disturb it, and see it roll itself back; returns whether nothing of it was left and the source served."""
        run, source = self.run, self._address(0, self.run.second)
        disturb = _once(FAULT_AFTER, lambda: asyncio.run(databases.hotfix(source)))
        with self._shop(run.second) as shop:
            _warm(shop)
            story = self._follow(f"{run.second}-move", run.second, shop, heard=disturb)
            gap, before = shop.longest_gap_ms, shop.writes
            _wait_for(lambda: shop.writes >= before + WARM_UP_WRITES)
        missing = asyncio.run(lost(source, shop.promised))
        clean = asyncio.run(databases.untouched(source, self._address(1, run.second)))
        remark(
            f"{story.status} because {_why(story)}; longest gap between writes {gap:.0f} ms, {shop.refused} refused, {len(missing)} lost"
        )
        good = story.end == "rolled_back" and clean and not missing and not shop.refused and gap < SERVING_GAP_MS
        self._remember(stage=DONE)
        return good

    def _shop(self, database: str) -> Any:
        return open_shop(self._address(0, database), database, self._settings.demo_rate, self._journal(database))

    def _journal(self, database: str) -> Path:
        return self._home / f"{database}.journal"

    def _follow(self, id_: str, database: str, shop: Shop, heard: Callable[[dict[str, Any]], None] = lambda event: None) -> Story:
        """Ask for the move, or find the one asked for before, and follow it to its end."""
        data_dir = self._settings.data_dir
        sides = [
            {"dsn": databases.keep_credential(data_dir, f"demo-{database}-{side}", self._address(number_, database))}
            for number_, side in enumerate(("source", "target"))
        ]
        body = {
            "migrationId": id_, "provider": "postgres", "appName": database, "environment": "dev", "source": sides[0], "target": sides[1],
            "labels": {"demonstration": str(self.run.number)},
        }  # fmt: skip
        reply = self._api.command("/v1/migrations", body, key=f"demo-{id_}")
        with view(False) as shown:
            follower = Follower(self._api, id_, shown, heard=heard, extras=lambda: {"writes acknowledged": (shop.writes, 0)})
            return follower.run(timeout_s=MOVE_LIMIT_S, min_position=reply.position)


def _once(step: str, do: Callable[[], None]) -> Callable[[dict[str, Any]], None]:
    """Do something when a step has succeeded."""

    def heard(event: dict[str, Any]) -> None:
        if event["type"] == "StepSucceeded" and event["data"]["name"] == step:
            remark("a colleague changes the source's definitions in the middle of the move")
            do()

    return heard


def _warm(shop: Shop) -> None:
    """Let the shop get going before anything is measured."""
    wanted = shop.writes + WARM_UP_WRITES
    _wait_for(lambda: shop.writes >= wanted)
    shop.measure_anew()


def _wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise CliError("the application gets no writes acknowledged", Exit.FAILED, "see the logs in the data directory")
        time.sleep(0.05)


def _why(story: Story) -> str:
    return story.reason or "; ".join(problem["message"] for problem in story.problems) or story.last


def perform(settings: DemoSettings, api: Api, servers: tuple[str, str], run: Run) -> tuple[Run, bool]:
    """Play every act that is still to come; returns the run and whether the second move rolled itself back."""
    play = Play(settings, api, servers, run)
    if run.stage == "building":
        act("Building the sample database: a shop with customers, products, orders")
        play.build()
    if play.run.stage == MOVING:
        act(f"Moving {run.database} to another server while the shop goes on writing")
        play.move()
    act(f"Moving {run.second}, with a fault: it must roll itself back")
    return play.run, play.break_off()
