"""Recorded logs: commands with the times they were stamped with, and the very bytes of the events that answered them.

`python -m libs.testing.golden` writes `tests/golden/`; it refuses to change what is there, for that is what a release
did. `--before-release` rewrites, which is right only while nobody runs a release.
"""

import base64
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from libs.contracts.avro import ROOT, schema_of
from libs.contracts.catalogue import COMMAND, EVENT, MESSAGES
from libs.domain.catalogue import DECIDERS
from libs.domain.decider import Command, Decider
from libs.domain.history import digest_of, respond
from libs.testing.examples import EXAMPLES, envelope_for
from libs.testing.given_when_then import append, envelope_of
from libs.testing.simulator.simulation import Simulation
from libs.testing.stories import STORIES

FOLDER = ROOT / "tests" / "golden"
SEEDS = (2487, 2937, 218, 459, 792, 11, 0, 1, 2)
"""Simulated migrations that together see every command and every event; a test holds them to it."""


class Exchange(msgspec.Struct, frozen=True):
    """One command, when it was decided, and what was answered; bodies as Avro in base64, each after its name."""

    now: int
    command: tuple[str, str]
    events: tuple[tuple[str, str], ...]


class Body(msgspec.Struct, frozen=True):
    """The bytes of one message and what they say."""

    schema: str
    avro: str
    says: Any


def commands_of(name: str) -> Iterator[tuple[Command, int]]:
    """The commands of a recorded log, before it is recorded: a simulated migration or a story."""
    if name in STORIES:
        for n, (body, now) in enumerate(STORIES[name]):
            yield Command(envelope_of(f"command-{n}", now=now), body), now
        return
    seed = name.partition("-")[2]
    simulation = Simulation(int(seed), migrations=1)
    simulation.run()
    for decided in simulation.log.decided:
        yield decided.command, decided.now


def names() -> list[str]:
    """Names of all recorded logs; the first part is the aggregate."""
    return [*(f"migration-{seed}" for seed in SEEDS), *STORIES]


def answers(decider: Decider, commands: Iterable[tuple[Command, int]]) -> Iterator[Exchange]:
    """Decide commands one after another and write down each exchange."""
    state = decider.initial
    for command, now in commands:
        digest = digest_of(decider, command.body)
        events = respond(decider, state, command, now, digest)
        state, recorded = append(decider, state, command.envelope, events, now, digest)
        encoded = schema_of(type(command.body)).encode(command.body, command.envelope)
        said = tuple((type(record.body).__name__, _text(record.encoded)) for record in recorded)
        yield Exchange(now, (type(command.body).__name__, _text(encoded)), said)


def replay(name: str) -> tuple[list[Exchange], list[Exchange]]:
    """What is recorded under a name, and what today's decider answers to the same commands at the same times."""
    aggregate = name.partition("-")[0]
    recorded = [msgspec.json.decode(line, type=Exchange) for line in path_of(name).read_bytes().splitlines()]
    known = {message.name: message.model for message in MESSAGES if (message.folder, message.role) == (aggregate, COMMAND)}
    commands = [
        (Command(*schema_of(known[exchange.command[0]]).decode(base64.b64decode(exchange.command[1]))), exchange.now)
        for exchange in recorded
    ]
    return recorded, list(answers(DECIDERS[aggregate], commands))


def bodies() -> list[Body]:
    """The example of every message as bytes."""
    return [_body(message.schema_path, EXAMPLES[message.model], envelope_for(message.envelope)) for message in MESSAGES]


def _body(schema: str, example: Any, envelope: Any) -> Body:
    return Body(schema, _text(schema_of(type(example)).encode(example, envelope)), msgspec.to_builtins(example))


def path_of(name: str) -> Path:
    """File of a recorded log."""
    return FOLDER / "logs" / f"{name}.jsonl"


def _text(body: bytes) -> str:
    return base64.b64encode(body).decode()


def _files() -> dict[Path, bytes]:
    logs = {path_of(name): _lines(answers(DECIDERS[name.partition("-")[0]], commands_of(name))) for name in names()}
    return logs | {FOLDER / "messages.jsonl": _lines(bodies())}


def _lines(values: Iterable[Any]) -> bytes:
    return b"".join(msgspec.json.encode(value) + b"\n" for value in values)


def event_names(aggregate: str) -> set[str]:
    """Names of all events of an aggregate."""
    return {message.name for message in MESSAGES if (message.folder, message.role) == (aggregate, EVENT)}


def main(arguments: list[str]) -> int:
    """0 when everything is written, 1 when that would change what a release did."""
    wanted = _files()
    changed = [path for path, content in wanted.items() if path.exists() and path.read_bytes() != content]
    if changed and "--before-release" not in arguments:
        print(*(f"{path.relative_to(ROOT)} is a record and must not change" for path in changed), sep="\n")
        return 1
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
