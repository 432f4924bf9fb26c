"""Recorded logs are decided again on every run: the same commands at the same times give the same events, byte for byte (X9, R7)."""

import msgspec
import pytest

from libs.contracts.catalogue import COMMAND, MESSAGES
from libs.domain import migration
from libs.domain.catalogue import DECIDERS
from libs.testing import golden


@pytest.mark.parametrize("name", golden.names())
def test_a_recorded_log_is_decided_the_same_again_X9_R7(name: str) -> None:
    recorded, again = golden.replay(name)

    assert recorded
    assert again == recorded


@pytest.mark.parametrize("aggregate", DECIDERS)
def test_the_recorded_logs_hold_every_command_and_every_event_X9(aggregate: str) -> None:
    logs = [golden.replay(name)[0] for name in golden.names() if name.partition("-")[0] == aggregate]
    commands = {message.name for message in MESSAGES if (message.folder, message.role) == (aggregate, COMMAND)}

    assert {exchange.command[0] for log in logs for exchange in log} == commands
    assert {event for log in logs for exchange in log for event, _ in exchange.events} == golden.event_names(aggregate)


def test_a_decider_that_answers_otherwise_is_found_X9(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = migration.DECIDER._replace(
        decide=lambda state, body, ctx: migration.DECIDER.decide(state, body, ctx._replace(now=ctx.now + 1))
    )
    monkeypatch.setitem(DECIDERS, "migration", changed)

    recorded, again = golden.replay(golden.names()[0])

    assert again != recorded


def test_records_are_not_rewritten_after_a_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("golden")
    monkeypatch.setattr(golden, "FOLDER", folder)
    monkeypatch.setattr(golden, "ROOT", folder)
    assert golden.main([]) == 0
    assert golden.main([]) == 0

    path = folder / "messages.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    assert golden.main([]) == 1
    assert "must not change" in capsys.readouterr().out
    assert golden.main(["--before-release"]) == 0
    assert msgspec.json.decode(path.read_bytes().splitlines()[-1])
