"""What strangers put on the intake, which anybody may write to, and on the events, which only the validator may."""

import json
from collections.abc import Callable
from typing import Any

from libs.contracts.envelope import CommandEnvelope, follow
from libs.contracts.migration.commands import PauseMigration, RequestMigration
from libs.contracts.migration.events import MigrationPaused
from libs.contracts.migration.request import Request
from libs.contracts.topics import commands_of, events_of
from libs.runtime.codec import Codec, Record
from libs.testing.chaos.chance import Random
from libs.testing.chaos.garbage import Piece

REQUEST: dict[str, Any] = {"migrationId": "m", "appName": "a", "provider": "rehearsal", "source": {}, "target": {}}
BROKEN_MEMBERS: tuple[dict[str, Any], ...] = (
    {"migrationId": "has spaces"}, {"appName": 7}, {"provider": None}, {"source": []}, {"dueAt": "tomorrow"}, {"labels": {"a": {}}},
    {"callbackUrl": "ftp://x"}, {"surprise": True}, {"steps": ["dance"]}, {"tenant": "No/Tenant"}, {"environment": "mars"},
)  # fmt: skip


class OnIntake:
    """Makes pieces for the intake."""

    def __init__(self, codec: Codec, prefix: str, random: Random) -> None:
        self.topic = f"{prefix}.intake"
        self._codec, self._random, self._commands = codec, random, commands_of(prefix, "migration")
        self._kinds: tuple[Callable[[], Piece], ...] = (
            self._broken_member, self._missing_member, self._cut_json, self._not_an_object, self._deep, self._null, self._noise,
            self._cut_avro, self._other_command, self._unusable_request,
        )  # fmt: skip

    def piece(self, number: int) -> Piece:
        """The piece of that number."""
        return self._kinds[number % len(self._kinds)]()

    def _json(self, document: Any) -> Piece:
        return Piece(self._random.choice((None, b"k", b"\xff\0")), json.dumps(document).encode(), [])

    def _broken_member(self) -> Piece:
        return self._json(REQUEST | self._random.choice(BROKEN_MEMBERS))

    def _missing_member(self) -> Piece:
        missing = self._random.choice(("appName", "provider", "source", "target"))
        return self._json({name: value for name, value in REQUEST.items() if name != missing})

    def _cut_json(self) -> Piece:
        whole = json.dumps(REQUEST).encode()
        return Piece(None, whole[: self._random.randrange(1, len(whole))], [("tenant", b"stranger")])

    def _not_an_object(self) -> Piece:
        return self._json(self._random.choice(([], 7, "text", None, [REQUEST], True)))

    def _deep(self) -> Piece:
        return Piece(None, b"[" * 5_000, [])

    def _null(self) -> Piece:
        return Piece(b"k", None, [("tenant", b"\xff")])

    def _noise(self) -> Piece:
        return Piece(self._random.randbytes(8), self._random.randbytes(self._random.randrange(1, 200)), [("idempotency-key", b"\xff")])

    def _command(self, body: PauseMigration | RequestMigration) -> Record:
        envelope = CommandEnvelope(
            command_id="g", tenant="stranger", aggregate="g", environment="chaos", actor="stranger", correlation_id="g", occurred_at=0
        )
        return self._codec.command(self._commands, envelope, body, b"")

    def _cut_avro(self) -> Piece:
        request = Request(provider="rehearsal", application="a", source="{}", target="{}")
        good = self._command(RequestMigration(request=request))
        return Piece(good.key, good.value[: self._random.randrange(5, len(good.value))], [])

    def _other_command(self) -> Piece:
        return Piece(*self._command(PauseMigration(reason="not a request"))[:2], [])

    def _unusable_request(self) -> Piece:
        return Piece(*self._command(RequestMigration(request=Request(provider="", application="", source="[", target="")))[:2], [])


class OnEvents:
    """Makes pieces for the events of migrations: none of them follows in the history of any."""

    def __init__(self, codec: Codec, prefix: str, random: Random) -> None:
        self.topic = events_of(prefix, "migration")
        self._codec, self._random, self._prefix = codec, random, prefix
        self._kinds: tuple[Callable[[], Piece], ...] = (
            self._without_beginning, self._truncated, self._unknown_schema, self._wrong_key, self._null, self._command, self._noise,
            self._version_zero,
        )  # fmt: skip

    def piece(self, number: int) -> Piece:
        """The piece of that number."""
        return self._kinds[number % len(self._kinds)]()

    def _event(self, version: int) -> Record:
        name = f"g{self._random.randrange(1 << 30)}"
        cause = CommandEnvelope(
            command_id=name, tenant="stranger", aggregate=name, environment="chaos", actor="stranger", correlation_id="g", occurred_at=0
        )
        envelope = follow(cause, ordinal=0, version=version, recorded_at=0, previous=self._random.randbytes(32), digest=b"")
        return self._codec.event(self.topic, envelope, MigrationPaused(reason="garbage"), f"stranger/{name}".encode(), b"")

    def _without_beginning(self) -> Piece:
        return Piece(*self._event(self._random.randrange(1, 40))[:3])

    def _version_zero(self) -> Piece:
        """Only refusals stand outside any history."""
        return Piece(*self._event(0)[:3])

    def _truncated(self) -> Piece:
        good = self._event(1)
        return Piece(good.key, good.value[: self._random.randrange(len(good.value))], good.headers)

    def _unknown_schema(self) -> Piece:
        return Piece(b"stranger/g", b"\0" + (900_003).to_bytes(4, "big") + self._event(1).value[5:], [])

    def _wrong_key(self) -> Piece:
        good = self._event(1)
        return Piece(b"other/" + good.key, good.value, good.headers)

    def _null(self) -> Piece:
        return Piece(b"stranger/g", None, [("ce_sequence", b"seven")])

    def _command(self) -> Piece:
        """A record in perfect order that belongs on another topic."""
        envelope = CommandEnvelope(
            command_id="g", tenant="stranger", aggregate="g", environment="chaos", actor="stranger", correlation_id="g", occurred_at=0
        )
        return Piece(*self._codec.command(commands_of(self._prefix, "migration"), envelope, PauseMigration(reason="x"), b"")[:3])

    def _noise(self) -> Piece:
        return Piece(self._random.randbytes(8), self._random.randbytes(self._random.randrange(1, 200)), [("ce_type", b"\xff\xfe")])
