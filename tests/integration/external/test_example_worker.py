"""The example worker in the docs and the example of steps of one's own do what they say, told and heard by real services (U9)."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.embedded.ports import answers, free_port
from libs.testing.services import ROOT
from libs.testing.waiting import wait_until
from tests.integration.external.conftest import SECRET, TENANT, World, act

EXAMPLE = ROOT / "docs/examples/external_worker.py"
Start = Callable[[], subprocess.Popen[bytes]]


@contextmanager
def started(world: World, tmp_path: Path, *command: str) -> Iterator[Start]:
    """Start a program as its page says, as often as wanted; each process is ended at the end."""
    token = world.issuer.issue(TENANT, "crm", ("reporter",))
    own = {
        "WHIMBREL_URL": f"http://127.0.0.1:{world.port}",
        "WHIMBREL_TOKEN": token,
        "WHIMBREL_WEBHOOK_SECRET": SECRET,
        "PYTHONPATH": str(ROOT),
    }
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "out.log").open("ab") as log:
            running.append(subprocess.Popen(command, env={**os.environ, **own}, cwd=tmp_path, stdout=log, stderr=log))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def mailboxes(tmp_path: Path) -> set[str]:
    with sqlite3.connect(tmp_path / "worker.db") as database:
        return {row[0] for row in database.execute("SELECT name FROM mailbox")}


@pytest.mark.parametrize("goes_back", [False, True])
def test_the_example_moves_and_undoes_and_survives_kill_9(world: World, tmp_path: Path, goes_back: bool) -> None:
    port, id_ = free_port(), f"example-{goes_back}".lower()
    steps = [
        act("create", parameters={"name": "ada"}, attempts=1_000),  # nobody answers until the worker is up again
        {"name": "look", "phase": "testing", "kind": "check", "parameters": {"name": "ada"}},
    ]
    if goes_back:
        steps[1]["parameters"] = {"name": "nobody"}
        steps[1]["attempts"] = 1
    with started(world, tmp_path, sys.executable, str(EXAMPLE), str(port)) as start:
        first = start()
        wait_until(lambda: answers(port), "it listens")
        first.send_signal(signal.SIGKILL)
        first.wait()
        world.ask(id_, *steps, webhook={"url": f"http://127.0.0.1:{port}/", "secret": "env:TEST_WEBHOOK_SECRET"})
        start()
        world.wait_for(id_, "rolled_back" if goes_back else "completed")

    assert mailboxes(tmp_path) == (set() if goes_back else {"ada"})


def test_what_is_not_signed_is_refused_and_does_nothing_SEC4(world: World, tmp_path: Path) -> None:
    import urllib.error
    import urllib.request

    port = free_port()
    with started(world, tmp_path, sys.executable, str(EXAMPLE), str(port)) as start:
        start()
        wait_until(lambda: answers(port), "it listens")
        for headers in ({}, {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/", b"{}", headers))

    assert mailboxes(tmp_path) == set()


def test_the_example_is_about_sixty_lines() -> None:
    lines = EXAMPLE.read_text().splitlines()

    assert len([line for line in lines if line.strip() and not line.startswith(("#", '"""', "import", "from"))]) <= 60


def test_steps_of_ones_own_are_served_as_their_page_says(world: World, tmp_path: Path) -> None:
    port = free_port()
    code = (
        (ROOT / "docs/examples/own_steps.py")
        .read_text()
        .replace("sleep(60)", "sleep(0.1)")
        .replace("serve(steps)", f"serve(steps, port={port})")
    )
    (tmp_path / "own.py").write_text(code)
    steps = [act("create_mailbox", parameters={"name": "ada"}), {"name": "mailbox_answers", "phase": "testing", "kind": "check"}]
    with started(world, tmp_path, sys.executable, "own.py") as start:
        start()
        wait_until(lambda: answers(port), "it listens")
        id_ = world.ask("own", *steps, webhook={"url": f"http://127.0.0.1:{port}/whimbrel", "secret": "env:TEST_WEBHOOK_SECRET"})

        world.wait_for(id_, "completed")
