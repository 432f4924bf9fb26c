"""The compiled encoder and decoder agree with fastavro on every message (R11, R12)."""

import io
import json
import typing
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.avro import Undecodable, plain, schema_of
from libs.contracts.catalogue import MESSAGES, Message
from libs.contracts.decoder import long
from libs.contracts.encoder import LONGS, compile_encoder

_INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    int: _INT32,
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=100),
    type(None): st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that messages use."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if typing.get_origin(kind) is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if arguments:
        return st.one_of([values(argument) for argument in arguments])
    return st.builds(kind, **{name: values(hint) for name, hint in typing.get_type_hints(kind).items()})


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.folder}-{message.name}")
@settings(max_examples=25)
@given(data=st.data())
def test_bytes_equal_those_of_fastavro_R12(message: Message, data: st.DataObject) -> None:
    schema = schema_of(message.model)
    body = data.draw(values(message.model))
    envelope = data.draw(values(message.envelope)) if message.envelope else None
    record = msgspec.to_builtins(body, builtin_types=(bytes,))
    if envelope is not None:
        record["envelope"] = msgspec.to_builtins(envelope, builtin_types=(bytes,))
    expected = io.BytesIO()
    schemaless_writer(expected, parse_schema(plain(json.loads(schema.text))), record)

    assert schema.encode(body, envelope) == expected.getvalue()
    assert schema.decode(expected.getvalue()) == (envelope, body)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.folder}-{message.name}")
@settings(max_examples=30)
@given(data=st.data())
def test_mutilated_bytes_are_read_as_fastavro_reads_them_or_not_at_all_R11(message: Message, data: st.DataObject) -> None:
    schema = schema_of(message.model)
    envelope = data.draw(values(message.envelope)) if message.envelope else None
    whole = schema.encode(data.draw(values(message.model)), envelope)
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 3))
    mutilated = whole[:at] + data.draw(st.binary(max_size=9)) + whole[at + cut :]

    assert outcome(schema.decode, mutilated) == outcome(lambda body: schema._decode_any(body, None), mutilated)


def outcome(decode: Callable[[bytes], Any], body: bytes) -> str:
    """What comes of decoding, so that NaN equals NaN."""
    try:
        return repr(decode(body))
    except Undecodable:
        return "undecodable"


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_longs_equal_those_of_fastavro_R12(value: int) -> None:
    out = io.BytesIO()
    schemaless_writer(out, "long", value)

    assert LONGS[value] == out.getvalue()


@given(st.one_of(st.integers(64, (1 << 63) - 1), st.integers(-(1 << 63), -65)), st.binary(max_size=12))
def test_longs_of_several_bytes_are_read_wherever_they_stand_R12(value: int, rest: bytes) -> None:
    written = LONGS[value]

    assert long(b"x" + written + rest, 1) == (value, 1 + len(written))


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_a_long_beyond_64_bits_is_refused_R12(value: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        compile_encoder({"fields": [{"name": "x", "type": "long"}]})(type("Model", (), {"x": value}), None)


def test_a_value_of_no_branch_of_a_union_is_refused_R12() -> None:
    encode = compile_encoder({"fields": [{"name": "x", "type": ["long", "string"]}]})

    with pytest.raises(TypeError, match="none of long, string"):
        encode(type("Model", (), {"x": 1.5}), None)
