"""Pages of the docs that derive from code: `python -m libs.testing.pages` writes them, a test fails when they drift."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from libs.contracts.avro import ROOT, schema_of
from libs.contracts.catalogue import MESSAGES, Message
from libs.domain.migration import DECIDER
from libs.domain.migration.archiving import ENDED
from libs.testing.examples import COMMAND_ENVELOPE, EVENT_ENVELOPE, EXAMPLES
from libs.testing.simulator.simulation import Simulation

GENERATED = "<!-- Generated: `python -m libs.testing.pages`. Do not edit. -->"
SINGLES, FLEETS = 2_000, 750
"""Simulated runs that the state diagram is drawn from, of one migration and of waves: more than it takes to see every change of state."""

Edge = tuple[str, str]


def messages() -> str:
    """An example of every message, by aggregate."""
    parts = [
        "# Messages",
        GENERATED,
        "An example of every message, as JSON. On Kafka they are Avro; the sentence on each field stands in its schema file.",
        "## Envelopes",
        f"Every command begins with an envelope:\n\n{_json(COMMAND_ENVELOPE)}",
        f"And so does every event:\n\n{_json(EVENT_ENVELOPE)}",
    ]
    for folder in dict.fromkeys(message.folder for message in MESSAGES):
        parts.append(f"## {folder.capitalize()}")
        parts += [_message(message) for message in MESSAGES if message.folder == folder]
    return "\n\n".join(parts) + "\n"


def _message(message: Message) -> str:
    about = json.loads(schema_of(message.model).text)["doc"]
    where = f"on `<prefix>.{message.topic}`" if message.topic else "inside other messages"
    file = f"[schema](../{message.schema_path})"
    return f"### {message.name}\n\n{about} A {message.role} {where}; {file}.\n\n{_json(EXAMPLES[message.model])}"


def _json(value: Any) -> str:
    text = json.dumps(msgspec.json.decode(msgspec.json.encode(value)), indent=2, ensure_ascii=False)
    return f"```json\n{text}\n```"


def changes() -> dict[Edge, set[str]]:
    """Every change of state that simulated migrations went through, with the events that brought it about."""
    found: dict[Edge, set[str]] = {}
    singles = (Simulation(2 * run, migrations=1) for run in range(SINGLES))
    fleets = (Simulation(2 * run + 1, migrations=4, fleet=True) for run in range(FLEETS))
    for simulation in chain(singles, fleets):
        simulation.run()
        states = dict.fromkeys(simulation.aggregates, DECIDER.initial)
        for envelope, body in simulation.log.entries:
            if envelope.version and envelope.aggregate in states:
                before = states[envelope.aggregate]
                after = states[envelope.aggregate] = DECIDER.evolve(before, body)
                found.setdefault((_label(before), _label(after)), set()).add(type(body).__name__)
    return found


def _label(state: Any) -> str:
    return str(state.status if state.mode == ENDED else state.mode)


def states() -> str:
    """The state diagram of a migration in Mermaid."""
    found = changes()
    ends = sorted({after for _, after in found} - {before for before, after in found if before != after} - {"new"})
    lines = ["stateDiagram-v2", "    [*] --> new"]
    lines += [
        f"    {before} --> {after}: {', '.join(sorted(events))}" for (before, after), events in sorted(found.items()) if before != after
    ]
    lines += [f"    {end} --> [*]" for end in ends]
    staying = [f"| {state} | {', '.join(sorted(events))} |" for (state, after), events in sorted(found.items()) if state == after]
    diagram = "\n".join(lines)
    return "\n\n".join(
        [
            "# States of a migration",
            GENERATED,
            f"Drawn from simulations under faults, {SINGLES:,} of single migrations and {FLEETS} of waves: an arrow is a change that was seen, "
            "with the events that made it. States are those of `MigrationState.mode`; the ends are told apart by `status`.",
            f"```mermaid\n{diagram}\n```",
            "Events that leave the state as it is:",
            "\n".join(["| state | events |", "| --- | --- |", *staying]) + "\n",
        ]
    )


def pages() -> dict[Path, str]:
    """Every generated page, by its path."""
    return {ROOT / "docs" / "messages.md": messages(), ROOT / "docs" / "migration-states.md": states()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
