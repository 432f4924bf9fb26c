"""Compiles an Avro schema into a Python function that writes our models directly (Avro specification, "Binary Encoding").

fastavro walks dictionaries and re-examines the schema for every value; a function with the schema unrolled into it wrote
the same bytes in a fifth of the time, and encoding was half of the validator's work (docs/decisions/0002). fastavro is the
oracle: a test compares both on every message. `decoder` is the counterpart.
"""

import struct
from collections.abc import Callable
from typing import Any

_REMEMBERED = 50_000


class _Longs(dict[int, bytes]):
    """Zig-zag varints, made at their first use and remembered: times and lengths of a batch repeat."""

    def __missing__(self, value: int) -> bytes:
        if not -(1 << 63) <= value < 1 << 63:
            raise ValueError(f"{value} does not fit into 64 bits")
        rest, out = (value << 1) ^ (value >> 63), bytearray()
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[value] = bytes(out)
        return self[value]


LONGS = _Longs()
"""Every number that Avro can hold, as the bytes of its varint. Raises ValueError for a number beyond 64 bits."""
_NAMES = {"longs": LONGS, "double": struct.Struct("<d").pack}
_PYTHON = {"boolean": "bool", "long": "int", "double": "float", "string": "str"}
_PRIMITIVES = {
    "string": "longs[len(b := {0}.encode())], b",
    "bytes": "longs[len(b := {0})], b",
    "int": "longs[{0}]",
    "long": "longs[{0}]",
    "boolean": "b'\\1' if {0} else b'\\0'",
    "double": "double({0})",
}


class _Writer:
    """Source of one function in the making. `_pending` are expressions that follow one another, to be added at once."""

    def __init__(self) -> None:
        self._lines = ["def encode(body, envelope):", " out = []"]
        self._pending: list[str] = []
        self._records: dict[str, Any] = {}
        self._variables = 0

    def source(self) -> str:
        """The whole function."""
        self._line(1, "return b''.join(out)")
        return "\n".join(self._lines)

    def value(self, schema: Any, expression: str, indent: int) -> None:
        """Lines that write the value of an expression."""
        schema = self._records.get(schema, schema) if isinstance(schema, str) else schema
        kind = schema if isinstance(schema, str) else "union" if isinstance(schema, list) else schema["type"]
        if kind in _PRIMITIVES:
            self._pending.append(_PRIMITIVES[kind].format(expression))
            return
        variable = f"v{self._variables}"
        self._variables += 1
        self._line(indent, f"{variable} = {expression}")
        getattr(self, f"_{kind}")(schema, variable, indent)

    def _line(self, indent: int, text: str) -> None:
        self._flush(indent)
        self._lines.append(" " * indent + text)

    def _flush(self, indent: int) -> None:
        if self._pending:
            self._lines.append(" " * indent + f"out += ({', '.join(self._pending)},)")
            self._pending = []

    def _record(self, schema: Any, variable: str, indent: int) -> None:
        self._records[f"{schema['namespace']}.{schema['name']}"] = schema
        for field in schema["fields"]:
            self.value(field["type"], f"{variable}.{field['name']}", indent)

    def _array(self, schema: Any, variable: str, indent: int) -> None:
        self._blocks(variable, indent, f"for i{variable} in {variable}:", [(schema["items"], f"i{variable}")])

    def _map(self, schema: Any, variable: str, indent: int) -> None:
        pairs = [("string", f"k{variable}"), (schema["values"], f"i{variable}")]
        self._blocks(variable, indent, f"for k{variable}, i{variable} in {variable}.items():", pairs)

    def _blocks(self, variable: str, indent: int, loop: str, items: list[tuple[Any, str]]) -> None:
        self._line(indent, f"if {variable}:")
        self._pending.append(f"longs[len({variable})]")
        self._line(indent + 1, loop)
        for schema, expression in items:
            self.value(schema, expression, indent + 2)
        self._flush(indent + 2)
        self._pending.append("b'\\0'")

    def _union(self, schema: list[Any], variable: str, indent: int) -> None:
        if schema[0] == "null" and len(schema) == 2:
            self._line(indent, f"if {variable} is None: out += (b'\\0',)")
            self._branch(indent, "else:", 1, schema[1], variable)
            return
        for index, branch in enumerate(schema):
            test = f"{'el' if index else ''}if type({variable}) is {_PYTHON[branch]}:"
            self._branch(indent, test, index, branch, variable)
        self._line(indent, f"else: raise TypeError(f'{{{variable}!r}} is none of {', '.join(schema)}')")

    def _branch(self, indent: int, test: str, index: int, schema: Any, variable: str) -> None:
        self._line(indent, test)
        self._pending.append(repr(bytes([index << 1])))
        self.value(schema, variable, indent + 1)
        self._flush(indent + 1)


def compile_encoder(schema: Any) -> Callable[[Any, Any], bytes]:
    """A function (body, envelope) -> Avro body for a record schema without logical types.

    Fields are read as attributes; a field named `envelope` is taken from the second argument. The function raises
    AttributeError, TypeError or ValueError for a model that does not fit: a defect.
    """
    writer = _Writer()
    for field in schema["fields"]:
        writer.value(field["type"], "envelope" if field["name"] == "envelope" else f"body.{field['name']}", 1)
    scope: dict[str, Any] = dict(_NAMES)
    exec(writer.source(), scope)  # noqa: S102 - the source derives from our own schema files alone
    encode: Callable[[Any, Any], bytes] = scope["encode"]
    return encode
