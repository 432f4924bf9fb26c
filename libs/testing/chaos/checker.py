"""The independent checker: what the log, the journal and the world say, held against each other.

Names are Jepsen's where it has one. `Findings.of(...)` counts; `examples` says where, a few each.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from libs.testing.chaos.effects import Effect, left_wrong, worlds
from libs.testing.chaos.journal import Entry, Garbage
from libs.testing.chaos.recording import Logged, Recording
from libs.testing.chaos.reference import Illegal, Model

ANOMALIES = (
    "lost",
    "duplicates",
    "aborted_read",
    "unexpected",
    "torn",
    "gap",
    "chain_broken",
    "time_backwards",
    "illegal_transition",
    "double_effects",
    "effects_differ",
    "compensation_order",
    "stuck",
    "readmodel_differs",
    "tenant_leak",
    "dead_letters_missing",
    "dead_letters_altered",
    "dead_letters_unexpected",
)
CLIENT_COMMANDS = {
    "RequestMigration", "PauseMigration", "ResumeMigration", "CancelMigration", "RollBackMigration", "RetryMigration",
    "SkipCompensation", "ApproveMigration", "RefuseApproval", "DelegateApproval", "WaiveApproval", "RecordWayBack",
}  # fmt: skip
CANARY = re.compile(rb"canary:([a-z0-9-]+):")
_EXAMPLES = 5
DEAD_LETTER_KEEPS = 2 << 20


class Findings:
    """Anomalies found, by name."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = defaultdict(list)

    def add(self, anomaly: str, detail: str) -> None:
        """One more."""
        assert anomaly in ANOMALIES, anomaly
        self.counts[anomaly] += 1
        if len(self.examples[anomaly]) < _EXAMPLES:
            self.examples[anomaly].append(detail)

    @property
    def clean(self) -> bool:
        """Whether there is none."""
        return not self.counts


def check(recording: Recording, journal: Sequence[Entry], effects: Iterable[Effect], differences: Iterable[str] = ()) -> Findings:
    """Hold everything against everything. `differences` are those between read model and fold of the log, found elsewhere."""
    found = Findings()
    recording = _without_garbage(recording, journal)
    for event in recording.events:
        if not event.kind:
            found.add("unexpected", f"{event.topic}/{event.partition}/{event.offset} is no event")
    streams = _streams(recording.events)
    _check_outcomes(recording, journal, found)
    _check_ids(recording, found)
    _check_time(recording.events, found)
    models = {key: _check_stream(key, events, found) for key, events in streams.items()}
    _check_states(recording, streams, found)
    _check_effects(models, effects, found)
    _check_tenants(recording, found)
    _check_dead_letters(recording, journal, found)
    for difference in differences:
        found.add("readmodel_differs", difference)
    return found


def _without_garbage(recording: Recording, journal: Sequence[Entry]) -> Recording:
    garbage = Garbage(journal)
    return replace(
        recording,
        commands=[one for one in recording.commands if (one[:3], one.value) not in garbage],
        events=[one for one in recording.events if (one[:3], one.value) not in garbage],
    )


def _streams(events: Iterable[Logged]) -> dict[bytes, list[Logged]]:
    """Events of each aggregate in log order, without refusals outside any chain."""
    streams: dict[bytes, list[Logged]] = defaultdict(list)
    for event in events:
        if event.kind and event.envelope["version"]:
            streams[event.key].append(event)
    return streams


def _check_outcomes(recording: Recording, journal: Sequence[Entry], found: Findings) -> None:
    """lost: acknowledged without outcome; aborted read: an outcome of a command that was never consumed."""
    commands = {(one.key, one.envelope["command_id"]): one for one in recording.commands if one.kind}
    answered = {(event.key, event.envelope["causation_id"]) for event in recording.events if event.kind}
    acknowledged = {(f"{e.tenant}/{e.aggregate}".encode(), e.command_id) for e in journal if e.what == "acknowledged"}
    asked = {name for name, one in commands.items() if one.kind in CLIENT_COMMANDS}
    for key, command_id in sorted((acknowledged | asked) - answered):
        found.add("lost", f"{key.decode()}: {command_id} has no outcome")
    for name in sorted(answered):
        command = commands.get(name)
        if command is None:
            found.add("unexpected", f"{name[0].decode()}: an event names {name[1]}, which nobody sent")
        elif recording.committed and command.offset >= recording.committed.get(command.partition, 0):
            found.add("aborted_read", f"{name[0].decode()}: {name[1]} has an outcome, but was not consumed")


def _check_ids(recording: Recording, found: Findings) -> None:
    """duplicate: an id or a version twice; torn: the events of one command are not its first, second, third ..."""
    ids: Counter[str] = Counter(event.envelope["event_id"] for event in recording.events if event.kind)
    for twice in (name for name, count in ids.items() if count > 1):
        found.add("duplicates", f"event id {twice}")
    caused: dict[tuple[bytes, str, bytes], set[str]] = defaultdict(set)
    for event in recording.events:
        if event.kind:
            caused[event.key, event.envelope["causation_id"], event.envelope["command_digest"]].add(event.envelope["event_id"])
    for (key, command_id, digest), event_ids in caused.items():
        if event_ids != {event_id(key, command_id, digest, ordinal) for ordinal in range(len(event_ids))}:
            found.add("torn", f"{key.decode()}: {len(event_ids)} events of {command_id} are not its first ones")


def event_id(key: bytes, command_id: str, digest: bytes, ordinal: int) -> str:
    """Event id as the design defines it, computed once more."""
    return hashlib.sha256(key + f"\n{command_id}\n{digest.hex()}\n{ordinal}".encode()).hexdigest()[:32]


def _check_time(events: Iterable[Logged], found: Findings) -> None:
    latest: dict[int, int] = {}
    for event in events:
        if event.kind:
            at = event.envelope["recorded_at"]
            if at < latest.get(event.partition, 0):
                found.add("time_backwards", f"{event.topic}/{event.partition}/{event.offset}")
            latest[event.partition] = max(at, latest.get(event.partition, 0))


def _check_stream(key: bytes, events: Sequence[Logged], found: Findings) -> Model:
    """One aggregate's history: versions, hashes, transitions, and whether it ended."""
    model, version, head = Model(), 0, b""
    for event in events:
        envelope = event.envelope
        if envelope["version"] <= version:
            found.add("duplicates", f"{key.decode()}: version {envelope['version']} twice")
            continue
        if envelope["version"] > version + 1:
            found.add("gap", f"{key.decode()}: {envelope['version']} after {version}")
        elif envelope["previous"] != head:
            found.add("chain_broken", f"{key.decode()}: version {envelope['version']}")
        version, head = envelope["version"], event.hash
        try:
            model.take(event.kind, event.body)
        except Illegal as illegal:
            found.add("illegal_transition", f"{key.decode()} version {version}: {illegal}")
    if model.mode not in ("ended", "archived"):
        found.add("stuck", f"{key.decode()}: {model.mode} {model.awaiting} at version {version}, in flight: {list(model.in_flight)}")
    return model


def _check_states(recording: Recording, streams: Mapping[bytes, Sequence[Logged]], found: Findings) -> None:
    """torn: events without their state, or state without its events."""
    for key in sorted(streams.keys() | recording.states.keys()):
        state, events = recording.states.get(key), streams.get(key, ())
        stream = state.body["stream"] if state is not None and state.kind else {"version": 0, "head": b""}
        last = max(events, key=lambda event: int(event.envelope["version"]), default=None)
        if last is None or (stream["version"], stream["head"]) != (last.envelope["version"], last.hash):
            found.add("torn", f"{key.decode()}: state is at {stream['version']}, log at {last and last.envelope['version']}")


def _check_effects(models: Mapping[bytes, Model], effects: Iterable[Effect], found: Findings) -> None:
    for key, world in worlds(effects).items():
        for detail in world.doubled:
            found.add("double_effects", detail)
        model = models.get(key)
        for work_id, standing in world.left_behind:
            if standing - (model.skipped if model else set()):
                found.add("compensation_order", f"{work_id} undone while {standing} stood")
        if model is None:
            found.add("effects_differ", f"{key.decode()}: effects, but no history")
        elif model.mode in ("ended", "archived"):
            for detail in left_wrong(model, world):
                found.add("effects_differ", f"{key.decode()} {model.outcome}: {detail}")


def _check_tenants(recording: Recording, found: Findings) -> None:
    """tenant leak: a record of one tenant that carries another's canary or name."""
    for record in (*recording.events, *recording.states.values(), *recording.commands):
        if record.kind:
            tenant = record.key.partition(b"/")[0]
            strangers = set(CANARY.findall(record.value)) - {tenant}
            named = record.body.get("envelope", {}).get("tenant", tenant.decode()).encode()
            if strangers or named != tenant:
                found.add("tenant_leak", f"{record.topic}/{record.partition}/{record.offset}: {strangers or named!r} in {tenant!r}")


def _letters(recording: Recording) -> Iterator[tuple[tuple[str, int, int], bytes, str]]:
    for letter in recording.dead_letters:
        body = letter.body
        yield (body["topic"], body["partition"], body["offset"]), body["value"] or b"", body["detail"]


def _check_dead_letters(recording: Recording, journal: Sequence[Entry], found: Findings) -> None:
    """Every garbage message once, with its bytes; nothing else. Garbage on events is no dead letter: only read models keep it."""
    garbage = Garbage(entry for entry in journal if not entry.topic.endswith(".events"))
    letters = {place: value for place, value, _ in _letters(recording)}
    # Of what is larger than a dead letter may be, the beginning and the hash are kept.
    cut = {place: detail for place, value, detail in _letters(recording) if len(value) >= DEAD_LETTER_KEEPS}
    for place, value in letters.items():
        digest = hashlib.sha256(value).hexdigest()
        if place not in garbage.placed:
            if not garbage.claim(digest):
                found.add("dead_letters_unexpected", "/".join(map(str, place)))
        elif digest != garbage.placed[place] and garbage.placed[place] not in cut.get(place, ""):
            found.add("dead_letters_altered", "/".join(map(str, place)))
    for name in [*("/".join(map(str, place)) for place in sorted(garbage.placed.keys() - letters.keys())), *garbage.unclaimed()]:
        found.add("dead_letters_missing", name)
    for _ in range(len(recording.dead_letters) - len(letters)):
        found.add("duplicates", "a dead letter twice")
