"""A client that tries again after an upgrade means the same command."""

import msgspec

from libs.domain.decider import Decider
from libs.domain.history import digest_of


def command(**added: object) -> type[msgspec.Struct]:
    fields = [("reason", str), ("labels", dict[str, str], msgspec.field(default_factory=dict))]
    return msgspec.defstruct("Pause", [*fields, *((name, type(value), value) for name, value in added.items())], frozen=True)


def digest(kind: type[msgspec.Struct], **members: object) -> bytes:
    decider = Decider("x", msgspec.Struct, None, lambda *_: [], lambda state, _: state, frozenset({kind}))
    return digest_of(decider, kind(**members))


def test_a_member_that_a_release_adds_with_its_default_changes_no_digest() -> None:
    assert digest(command(), reason="lunch") == digest(command(limits=()), reason="lunch") == digest(command(), reason="lunch", labels={})


def test_what_was_said_differently_has_another_digest() -> None:
    kind = command(limits=())
    said = [{"reason": "lunch"}, {"reason": "tea"}, {"reason": "lunch", "limits": ("a",)}, {"reason": "lunch", "labels": {"a": "b"}}]
    assert len({digest(kind, **members) for members in said}) == len(said)
