"""What holds a wave up itself, and what it says to a member that waits for its admission (X12)."""

from typing import Any

from libs.contracts.wave import commands as c
from libs.domain.holdup.cause import Ask, Cause
from libs.domain.holdup.waves import Said, member_causes, wave_causes
from libs.testing.given_when_then import NOW, History
from libs.testing.waves import begun, hear, member, note, planned

CHAIN = (member("a"), member("b", "a"), member("c", "b"))


def said(history: History, name: str = "w1") -> Said:
    return Said(name, history.state, f"event-of-{name}", NOW)


def codes(causes: list[Cause]) -> list[str]:
    return [cause.code for cause in causes]


def of_wave(history: History, **before: History) -> list[Cause]:
    return wave_causes(said(history), {name: said(other, name) for name, other in before.items()})


def of_member(history: History, migration: str, **before: History) -> list[Cause]:
    return member_causes(said(history), migration, {name: said(other, name) for name, other in before.items()})


def test_a_wave_that_is_not_under_way_says_what_a_person_must_do_X12() -> None:
    paused = begun(*CHAIN).when(c.PauseWave(reason="storm")).then_something()
    stopped = begun(*CHAIN).when(note("a", "failed", "the disk is full")).then_something()

    assert codes(of_wave(planned(*CHAIN))) == ["wave_not_started"]
    assert [(cause.code, cause.reason) for cause in of_wave(paused)] == [("wave_paused", "the wave w1 is paused: storm")]
    assert codes(of_wave(stopped)) == ["wave_stopped"]
    assert of_wave(stopped)[0].ask == (Ask("role", "operator"),)
    assert of_wave(stopped)[0].events == ("event-of-w1",)
    assert of_wave(begun(*CHAIN)) == []


def test_the_waves_before_it_are_named_with_how_they_stand_and_a_ring_too_X12() -> None:
    waiting = planned(*CHAIN, after=("w0", "w9")).when(c.StartWave()).then_something()
    found = of_wave(waiting, w0=begun(member("x")))

    assert [(cause.code, cause.ask[0]) for cause in found] == [("wave_before", Ask("wave", "w0")), ("wave_before", Ask("wave", "w9"))]
    assert "comes after w0, which is running" in found[0].reason
    assert found[0].events == ("event-of-w1", "event-of-w0")
    assert "not planned" in found[1].reason
    ring = wave_causes(said(waiting), {}, ["w1", "w0"])
    assert (ring[0].code, "w1, w0" in ring[0].reason) == ("circle_of_waves", True)


def test_a_wave_before_it_that_will_never_be_completed_is_said_to_be_X12() -> None:
    waiting = planned(*CHAIN, after=("w0",)).when(c.StartWave()).then_something()
    cancelled = begun(member("x")).when(c.CancelWave(reason="over")).then_something()

    (cause,) = of_wave(waiting, w0=cancelled)
    assert (cause.reason.endswith("plan it anew without that"), Ask("role", "operator") in cause.ask) == (True, True)


def test_a_full_wave_says_so_X12() -> None:
    full = begun(member("a"), member("b"), max_running=1)

    assert codes(of_wave(full)) == ["wave_full"]
    assert codes(of_member(full, "b")) == ["wave_full"]


def test_a_member_is_told_which_member_it_waits_for_or_is_blocked_by_X12() -> None:
    history = hear(begun(*CHAIN, max_failures=3), "begun")
    (waits,) = of_member(history, "c")
    failed = history.when(note("a", "failed", "the disk is full")).then_something()
    (blocked,) = of_member(failed, "c")

    assert (waits.code, waits.ask) == ("wave_dependency", (Ask("migration", "b"),))
    assert (blocked.code, blocked.ask) == ("wave_blocked", (Ask("migration", "a"),))
    assert "retry it or roll it back" in blocked.reason


def test_a_member_of_a_wave_that_waits_follows_it_to_the_wave_before_X12() -> None:
    waiting = planned(*CHAIN, after=("w0",)).when(c.StartWave()).then_something()

    assert [(cause.code, cause.ask) for cause in of_member(waiting, "a", w0=begun(member("x")))] == [("wave_before", (Ask("wave", "w0"),))]


def test_one_that_the_wave_does_not_have_is_told_so_X12() -> None:
    told: list[Any] = codes(of_member(begun(*CHAIN), "z"))

    assert told == ["wave_no_member"]
    assert of_member(begun(*CHAIN), "a") == []
