"""Compiles an Avro schema into a Python function that reads our models directly; the counterpart of `encoder`.

It reads the plain form that our encoder writes. Whatever it does not expect (a block with a size, a length that points
beyond the end, garbage) makes it raise, and the caller asks fastavro, which knows the whole format and names what is
wrong. A test compares both on every message and on mutilated ones.
"""

import struct
import typing
from collections.abc import Callable
from typing import Any

_REMEMBERED = 50_000
_times: dict[bytes, int] = {}
"""Times read before, by their eight bytes: those of a batch repeat."""


def long(data: bytes, at: int) -> tuple[int, int]:
    """Zig-zag varint and the position behind it. Raises IndexError or ValueError where there is none of at most 64 bits."""
    first, second = data[at], data[at + 1]
    if first >= 128 and second < 128:
        value = first & 0x7F | second << 7
        return (value >> 1) ^ -(value & 1), at + 2
    eight = data[at : at + 8]
    known = _times.get(eight)
    if known is not None:
        return known, at + 8
    bits = int.from_bytes(eight, "little")
    if bits & 0x8080808080808080 != 0x0080808080808080:
        return _long(data, at)
    if len(_times) >= _REMEMBERED:
        _times.clear()
    value = _times[eight] = _time(bits)
    return value, at + 8


def _time(bits: int) -> int:
    """Eight bytes of a varint as a number: pairs of groups of 7 bits are moved together, then pairs of 14, then of 28.

    Times of this century in microseconds have eight.
    """
    bits &= 0x7F7F7F7F7F7F7F7F
    bits = bits & 0x007F007F007F007F | (bits & 0x7F007F007F007F00) >> 1
    bits = bits & 0x00003FFF00003FFF | (bits & 0x3FFF00003FFF0000) >> 2
    bits = bits & 0x000000000FFFFFFF | (bits & 0x0FFFFFFF00000000) >> 4
    return (bits >> 1) ^ -(bits & 1)


def _long(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(at, at + 10):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 128:
            break
        shift += 7
    else:
        raise ValueError("a number has more than ten bytes")
    if value >> 64:
        raise ValueError("a number has more than 64 bits")
    return (value >> 1) ^ -(value & 1), place + 1


def length(data: bytes, at: int) -> tuple[int, int]:
    """Length of what follows, and where it begins. Raises ValueError when that lies beyond the end."""
    value, at = long(data, at)
    if value < 0 or at + value > len(data):
        raise ValueError("a length points beyond the end")
    return value, at


_NUMBERS = [(byte >> 1) ^ -(byte & 1) if byte < 128 else None for byte in range(256)]
_LENGTHS = [number if number is not None and number >= 0 else None for number in _NUMBERS]
"""What one byte means as a number and as a length, as nearly every one is written; None where it takes more bytes, or is wrong."""
_NUMBER = "{0} = numbers[b[p]]; p += 1", "if {0} is None: {0}, p = long(b, p - 1)"
_LENGTH = "n = lengths[b[p]]; p += 1", "if n is None: n, p = length(b, p - 1)"
_PRIMITIVES = {
    "string": (*_LENGTH, "q = p + n; {0} = b[p:q].decode(); p = q"),
    "bytes": (*_LENGTH, "q = p + n; {0} = b[p:q]; p = q"),
    "int": _NUMBER,
    "long": _NUMBER,
    "boolean": ("{0} = flags[b[p]]; p += 1",),
    "double": ("{0} = double(b, p)[0]; p += 8",),
}


class _Reader:
    """Source of one function in the making."""

    def __init__(self) -> None:
        self.lines = ["def decode(b):", " p = 0"]
        self.scope: dict[str, Any] = {
            "long": long,
            "length": length,
            "numbers": _NUMBERS,
            "lengths": _LENGTHS,
            "flags": (False, True),
            "double": struct.Struct("<d").unpack_from,
        }
        self._records: dict[str, Any] = {}
        self._variables = 0

    def value(self, schema: Any, kind: Any, indent: int) -> str:
        """Lines that read one value; returns the variable that holds it."""
        variable = f"v{self._variables}"
        self._variables += 1
        schema = self._records.get(schema, schema) if isinstance(schema, str) else schema
        form = schema if isinstance(schema, str) else "union" if isinstance(schema, list) else schema["type"]
        if form in _PRIMITIVES:
            for line in _PRIMITIVES[form]:
                self._line(indent, line.format(variable))
        else:
            getattr(self, f"_{form}")(schema, kind, variable, indent)
        return variable

    def _line(self, indent: int, text: str) -> None:
        self.lines.append(" " * indent + text)

    def _record(self, schema: Any, kind: Any, variable: str, indent: int) -> None:
        self._records[f"{schema['namespace']}.{schema['name']}"] = schema
        hints = typing.get_type_hints(kind)
        fields = [(f["name"], self.value(f["type"], hints[f["name"]], indent)) for f in schema["fields"]]
        self.construct(variable, kind, fields, indent)

    def construct(self, variable: str, kind: Any, fields: list[tuple[str, str]], indent: int) -> None:
        """A line that makes a model of what was read."""
        self.scope[kind.__name__] = kind
        self._line(indent, f"{variable} = {kind.__name__}({', '.join(f'{name}={value}' for name, value in fields)})")

    def _array(self, schema: Any, kind: Any, variable: str, indent: int) -> None:
        self._line(indent, f"{variable} = []")
        item = self._block(indent, lambda: self.value(schema["items"], typing.get_args(kind)[0], indent + 2))
        self._line(indent + 2, f"{variable}.append({item})")
        self._line(indent + 1, "if b[p]: raise ValueError('more than one block')")
        self._line(indent + 1, "p += 1")
        self._line(indent, f"{variable} = tuple({variable})")

    def _map(self, schema: Any, kind: Any, variable: str, indent: int) -> None:
        self._line(indent, f"{variable} = {{}}")
        name = self._block(indent, lambda: self.value("string", str, indent + 2))
        item = self.value(schema["values"], typing.get_args(kind)[1], indent + 2)
        self._line(indent + 2, f"{variable}[{name}] = {item}")
        self._line(indent + 1, "if b[p]: raise ValueError('more than one block')")
        self._line(indent + 1, "p += 1")

    def _block(self, indent: int, first: Callable[[], str]) -> str:
        for line in _LENGTH:
            self._line(indent, line)
        self._line(indent, "if n:")
        self._line(indent + 1, "for _ in range(n):")
        return first()

    def _union(self, schema: list[Any], kind: Any, variable: str, indent: int) -> None:
        self._line(indent, "u = b[p]; p += 1")
        kinds = [k for k in typing.get_args(kind) if k is not type(None)]
        for index, branch in enumerate(schema):
            self._line(indent, f"{'el' if index else ''}if u == {index * 2}:")
            if branch == "null":
                self._line(indent + 1, f"{variable} = None")
            else:
                found = self.value(branch, kinds[0], indent + 1)
                self._line(indent + 1, f"{variable} = {found}")
        self._line(indent, "else: raise ValueError('no such branch of a union')")


def compile_decoder(schema: Any, model: type[Any], envelope: type[Any] | None) -> Callable[[bytes], tuple[Any, Any]]:
    """A function from an Avro body to (envelope or None, model) for a record schema without logical types.

    It raises some exception for whatever is not the plain form of exactly one such record.
    """
    reader = _Reader()
    hints = typing.get_type_hints(model)
    read = [(f["name"], reader.value(f["type"], envelope if f["name"] == "envelope" else hints[f["name"]], 1)) for f in schema["fields"]]
    reader.construct("body", model, [(name, value) for name, value in read if name != "envelope"], 1)
    reader.lines.append(" if p != len(b): raise ValueError('bytes follow the end')")
    reader.lines.append(f" return {dict(read).get('envelope')}, body")
    exec("\n".join(reader.lines), reader.scope)  # noqa: S102 - the source derives from our own schema files alone
    decode: Callable[[bytes], tuple[Any, Any]] = reader.scope["decode"]
    return decode
