"""How each member of a wave stands, since which event, and why, as rows (table wave_member)."""

from typing import Any

import msgspec

from libs.contracts.wave import events as e
from libs.domain.wave.graph import graph_of
from libs.domain.wave.members import NAMES
from libs.readmodel.facts import Fact, text
from libs.readmodel.wave import WaveRow, state_of

LONGEST_TEXT = 2_000
_BLOCK = 128
_WRITE = """INSERT INTO wave_member (tenant, wave, number, migration, depends_on, state, since, since_event, reason)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::json[], $6::text[], $7::bigint[], $8::text[], $9::text[])
ON CONFLICT (tenant, wave, number) DO UPDATE SET depends_on = excluded.depends_on, state = excluded.state, since = excluded.since,
    since_event = excluded.since_event, reason = excluded.reason"""


class Members:
    """The members that a batch changes."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, int], tuple[Any, ...]] = {}

    def take(self, fact: Fact, before: WaveRow | None, after: WaveRow) -> None:
        """Note how an event of a wave changes how its members stand."""
        old, new, envelope, body = state_of(before), state_of(after), fact.envelope, fact.body
        graph = graph_of(new.pages)
        numbers = set(_changed(old.members, new.members))
        if isinstance(body, e.MembersAdded):
            numbers.update(graph.index[member.migration] for member in body.members)
        about = graph.index.get(body.migration, -1) if isinstance(body, e.MemberNoted) else -1
        for number in numbers:
            reason = text(body.reason, LONGEST_TEXT) if number == about or isinstance(body, e.MembersTold) else ""
            self._rows[envelope.tenant, envelope.aggregate, number] = (
                text(graph.ids[number]),
                msgspec.json.encode([text(id_) for id_ in graph.named[number]]).decode(),
                NAMES[new.members[number]],
                envelope.recorded_at,
                envelope.event_id,
                reason,
            )

    async def write(self, connection: Any) -> None:
        """Write what the batch noted: one statement, however many members."""
        if self._rows:
            rows = [(*key, *row) for key, row in self._rows.items()]
            await connection.execute(_WRITE, *map(list, zip(*rows, strict=True)))


def _changed(before: bytes, after: bytes) -> list[int]:
    """Members that stand otherwise, or are new. Compared in blocks, since most events change few of ten thousand."""
    found: list[int] = []
    for start in range(0, len(after), _BLOCK):
        old, new = before[start : start + _BLOCK], after[start : start + _BLOCK]
        if old != new:
            found += [start + n for n, letter in enumerate(new) if n >= len(old) or NAMES[old[n]] != NAMES[letter]]
    return found
