"""Processes that are paused until another took their place, and calls that never return (D3, D10, R6)."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.contracts.migration.commands import CancelMigration
from libs.testing.chaos.chance import Random
from libs.testing.chaos.recording import Tape
from libs.testing.chaos.scene import PARTITIONS, Scene
from libs.testing.kafka_proxy import LEAVE, TXN_OFFSET_COMMIT, KafkaProxy
from libs.testing.servers import SharedServers
from libs.testing.waiting import wait_until

QUICK = {"WHIMBREL_SESSION_TIMEOUT_MS": "6000"}
WATCHDOG = 86


@pytest.fixture
def scene(stack: SharedServers, prefix: str, tmp_path: Path) -> Iterator[Scene]:
    with Scene(stack, prefix, tmp_path, QUICK) as scene:
        yield scene


def clean(scene: Scene, effects: int) -> None:
    scene.settle(60, Random(1), scene.requested)
    evidence = scene.judge()
    assert evidence.findings.examples == {}
    assert sum(effect.changed for effect in evidence.effects) == effects


def test_nothing_of_a_validator_that_was_replaced_while_paused_is_ever_seen_R6(scene: Scene, proxy: KafkaProxy) -> None:
    """It is paused with its events flushed, its offsets unsent and more commands in its queue; another answers them all."""
    zombie = scene.services.start("services.validator", 0, WHIMBREL_KAFKA=proxy.bootstrap).wait_ready()
    open_ = proxy.trap(TXN_OFFSET_COMMIT, LEAVE)
    scene.request(300)
    held = open_.held()
    scene.request(300)
    zombie.send(signal.SIGSTOP)
    for name in ("validator", "migrator", "verifier"):
        scene.services.start(f"services.{name}", 1)
    wait_until(lambda: scene.watcher.known == scene.requested, "the other validator has answered everything", 90)

    held.release()
    zombie.send(signal.SIGCONT)
    wait_until(lambda: zombie.exit_code() is not None, "the zombie has ended")

    clean(scene, 3 * scene.requested)


def test_a_migrator_that_was_replaced_while_paused_changes_nothing_R6(scene: Scene) -> None:
    """It is paused in the middle of an act; another does the act, then everything is undone; then it wakes and acts."""
    for name in ("validator", "verifier", "migrator"):
        scene.services.start(f"services.{name}").wait_ready()
    zombie = scene.services.running[-1]
    progress = Tape(scene.stack.kafka, [f"{scene.prefix}.progress"], PARTITIONS)
    scene.request(4, duration_ms=2_000, steps=2)
    wait_until(progress.catch_up, "the act has begun")
    progress.close()
    zombie.send(signal.SIGSTOP)
    scene.services.start("services.migrator", 1)
    wait_until(lambda: any(scene.effects.glob("*.jsonl")), "the other migrator has done the act")
    for number in range(scene.requested):
        scene.sender.send("acme", f"m{number}", CancelMigration(reason="test"))
    wait_until(lambda: not scene.watcher.unfinished() and scene.watcher.known == scene.requested, "all is undone")

    zombie.send(signal.SIGCONT)
    wait_until(lambda: scene.lag() == 0 and len(zombie.lines("assigned")) > 1, "the zombie has joined again")

    scene.settle(60, Random(1), scene.requested)
    evidence = scene.judge()
    assert evidence.findings.examples == {}


def test_a_transactional_call_that_never_returns_ends_the_validator_D10(scene: Scene, proxy: KafkaProxy) -> None:
    for name in ("migrator", "verifier"):
        scene.services.start(f"services.{name}")
    validator = scene.services.start("services.validator", WHIMBREL_KAFKA=proxy.bootstrap).wait_ready()
    hung = proxy.trap(TXN_OFFSET_COMMIT, LEAVE)
    scene.request(5)
    hung.held()

    wait_until(lambda: validator.exit_code() is not None, "the watchdog has ended it", 30)

    assert validator.exit_code() == WATCHDOG
    clean(scene, 3 * scene.requested)


def test_a_provider_that_blocks_for_ever_is_ended_and_its_work_done_once_D3(scene: Scene, tmp_path: Path) -> None:
    for name in ("validator", "verifier"):
        scene.services.start(f"services.{name}")
    migrator = scene.services.start("libs.testing.chaos.hung_migrator", WHIMBREL_HUNG_MARK=str(tmp_path / "hung"))
    scene.request(5)

    wait_until(lambda: migrator.exit_code() is not None, "the watchdog has ended it", 60)

    assert migrator.exit_code() == WATCHDOG
    clean(scene, 3 * scene.requested)
