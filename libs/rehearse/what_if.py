"""What shall be different in a rehearsal: commands nobody gave, other durations, failure rates and people. Read from a file's data."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from libs.contracts.capacity import SetCapacity
from libs.contracts.wave.commands import PlanWave
from libs.domain.catalogue import DECIDERS

MOST_COMMANDS = 1_000
LONGEST_S = 2 * 366 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DELAY = re.compile(r"\+(\d{1,9}(?:\.\d{1,6})?)([smhd])")
_MOMENTS = frozenset({"begins", "ends", "until", "due_at"})
_PARTS = ("commands", "freezes", "durations", "failures", "people")
_KINDS = ("capacity", "migration", "wave")
"""Aggregates that a rehearsal runs; of others it only counts what they would be told."""
_FREEZE = frozenset({"capacity", "begins", "ends", "label"})
_COMMAND = frozenset({"at", "aggregate", "id", "command", "body"})
_PEOPLE = frozenset({"approve_s", "retry_s", "resume_s", "unblock_s"})
MERGED: tuple[type[Any], ...] = (SetCapacity, PlanWave)
"""Commands that replace settings: what the file leaves out of them stays as it is when the command is given."""


class BadWhatIf(ValueError):
    """A what-if cannot be used; the message names the field and the fix."""


class Hypothetical(NamedTuple):
    """A command that nobody gave. `body` is plain data; `freezes` are added to those a capacity has."""

    at: int
    """When it is given, in microseconds since the epoch."""
    kind: str
    aggregate: str
    command: type[Any]
    body: dict[str, Any]
    freezes: tuple[dict[str, Any], ...] = ()


class Factors(NamedTuple):
    """By step, provider/step or *: how much longer it takes, and how often an attempt fails. People: seconds until they act, None as in history."""

    durations: Mapping[str, float] = {}
    failures: Mapping[str, float] = {}
    approve_s: float | None = None
    retry_s: float | None = None
    resume_s: float | None = None
    unblock_s: float | None = None

    def duration(self, provider: str, step: str) -> float:
        """By what the durations of a step are multiplied."""
        factor = _of(self.durations, provider, step)
        return 1.0 if factor is None else factor

    def failure(self, provider: str, step: str) -> float | None:
        """Share of attempts of a step that fail; None as in history."""
        return _of(self.failures, provider, step)


class WhatIf(NamedTuple):
    """Everything that is different."""

    commands: tuple[Hypothetical, ...] = ()
    factors: Factors = Factors()


def touched(what_if: WhatIf) -> Iterator[tuple[str, str]]:
    """Kind and id of whatever the commands speak of."""
    for one in what_if.commands:
        yield one.kind, one.aggregate
        settings = one.body.get("settings", {})
        yield from (("migration", member["migration"]) for member in one.body.get("members", ()))
        yield from (("capacity", name) for name in settings.get("limits", ()))
        yield from (("wave", name) for name in settings.get("after", ()))


def _of(table: Mapping[str, float], provider: str, step: str) -> float | None:
    return next((table[name] for name in (f"{provider}/{step}", step, "*") if name in table), None) if table else None


def read(data: Any, fork: int) -> WhatIf:
    """The what-if that plain data (of JSON or TOML) means. `fork` is the moment of the fork, in microseconds since the epoch.

    Raises BadWhatIf.
    """
    parts = _table(data, "the what-if", _PARTS)
    commands = [_command(one, f"commands[{n}]", fork) for n, one in enumerate(_list(parts, "commands"))]
    frozen = [_freeze(one, f"freezes[{n}]", fork) for n, one in enumerate(_list(parts, "freezes"))]
    people = {
        name: _number(value, f"people.{name}", LONGEST_S) for name, value in _table(parts.get("people", {}), "people", _PEOPLE).items()
    }
    durations = {
        name: _number(value, f"durations.{name}", 1_000) for name, value in _table(parts.get("durations", {}), "durations").items()
    }
    failures = {name: _number(value, f"failures.{name}", 1) for name, value in _table(parts.get("failures", {}), "failures").items()}
    return WhatIf((*frozen, *commands), Factors(durations, failures, **people))


def _table(data: Any, where: str, known: Any = None) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadWhatIf(f"{where} is {_shown(data)}; give a table of names and values")
    for name in data:
        if known is not None and name not in known:
            raise BadWhatIf(f"{where} has a field {name!r} that is not known; known are {', '.join(sorted(known))}")
    return data


def _list(parts: dict[str, Any], name: str) -> list[Any]:
    found = parts.get(name, [])
    if not isinstance(found, list) or len(found) > MOST_COMMANDS:
        raise BadWhatIf(f"{name} is {_shown(found)}; give a list of at most {MOST_COMMANDS:,}")
    return found


def _number(value: Any, where: str, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise BadWhatIf(f"{where} is {_shown(value)}; give a number from 0 to {most:,}")
    return float(value)


def _text(parts: dict[str, Any], name: str, where: str) -> str:
    value = parts.get(name)
    if not isinstance(value, str) or not value:
        raise BadWhatIf(f"{where}.{name} is {'missing' if value is None else _shown(value)}; give a text")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def moment(value: Any, where: str, fork: int) -> int:
    """Microseconds since the epoch: of a time with its zone (RFC 3339), or so long after the fork (+90s, +30m, +2h, +1d). Raises BadWhatIf."""
    if isinstance(value, str) and (delay := _DELAY.fullmatch(value)):
        return fork + round(float(delay[1]) * _UNITS[delay[2]] * 1_000_000)
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if found.tzinfo is not None:
            return round((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    except (ValueError, TypeError):
        pass
    raise BadWhatIf(
        f"{where} is {_shown(value)}; give a time with its zone, e.g. 2026-12-24T18:00:00Z, or how long after the fork, e.g. +2h"
    )


def _when(parts: dict[str, Any], where: str, fork: int) -> int:
    at = moment(parts.get("at", "+0s"), f"{where}.at", fork)
    if not fork <= at <= fork + LONGEST_S * 1_000_000:
        raise BadWhatIf(f"{where}.at is {_shown(parts['at'])}; give a time from the fork on, at most two years ahead")
    return at


def _command(data: Any, where: str, fork: int) -> Hypothetical:
    parts = _table(data, where, _COMMAND)
    kind, name = _text(parts, "aggregate", where), _text(parts, "command", where)
    known = {command.__name__: command for command in DECIDERS[kind].client_commands} if kind in _KINDS else {}
    if kind not in _KINDS:
        raise BadWhatIf(f"{where}.aggregate is {kind!r}; known are {', '.join(_KINDS)}")
    if name not in known:
        raise BadWhatIf(f"{where}.command is {name!r}; a {kind} knows {', '.join(sorted(known))}")
    body = _moments(_table(parts.get("body", {}), f"{where}.body"), f"{where}.body", fork)
    found = Hypothetical(_when(parts, where, fork), kind, _text(parts, "id", where), known[name], body)
    made = body_of(found, None, where)
    _all_known(body, msgspec.to_builtins(made), f"{where}.body")
    return found


def _freeze(data: Any, where: str, fork: int) -> Hypothetical:
    parts = _table(data, where, _FREEZE)
    freeze = {"begins": moment(parts.get("begins"), f"{where}.begins", fork), "ends": moment(parts.get("ends"), f"{where}.ends", fork)}
    if freeze["begins"] >= freeze["ends"]:
        raise BadWhatIf(f"{where}.ends is not after {where}.begins")
    label = {"label": _text(parts, "label", where)} if "label" in parts else {}
    return Hypothetical(fork, "capacity", _text(parts, "capacity", where), SetCapacity, {"settings": {}}, (freeze | label,))


def _moments(value: Any, where: str, fork: int) -> Any:
    """Plain data in which times may be written as people write them."""
    if isinstance(value, dict):
        found = {}
        for name, held in value.items():
            spoken = name in _MOMENTS and not isinstance(held, int)
            found[name] = moment(held, f"{where}.{name}", fork) if spoken else _moments(held, f"{where}.{name}", fork)
        return found
    return [_moments(held, f"{where}[{n}]", fork) for n, held in enumerate(value)] if isinstance(value, list) else value


def _all_known(given: Any, known: Any, where: str) -> None:
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            if name not in known:
                raise BadWhatIf(f"{where} has a field {name!r} that is not known; known are {', '.join(sorted(known))}")
            _all_known(value, known[name], f"{where}.{name}")
    elif isinstance(given, list) and isinstance(known, list | tuple):
        for number, (value, held) in enumerate(zip(given, known, strict=False)):
            _all_known(value, held, f"{where}[{number}]")


def body_of(command: Hypothetical, settings: Any, where: str = "") -> Any:
    """The command itself; settings that it leaves out are those in force. Raises BadWhatIf."""
    body = command.body
    if command.command in MERGED and isinstance(body.get("settings"), dict):
        in_force = msgspec.to_builtins(settings) if settings is not None else {}
        merged = in_force | body["settings"]
        if command.freezes:
            merged["freezes"] = [*merged.get("freezes", ()), *command.freezes]
        body = body | {"settings": merged}
    try:
        return msgspec.convert(body, command.command)
    except msgspec.ValidationError as error:
        raise BadWhatIf(f"{where}.body: {error}") from error
