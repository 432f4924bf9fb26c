"""The model in Python and the schema file say the same: fields, order, types, defaults, and every sentence."""

import ast
import inspect
import json
import sys
import types
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from libs.contracts.avro import schema_of
from libs.contracts.catalogue import MESSAGES, Message

PRIMITIVES: dict[Any, tuple[str, ...]] = {
    str: ("string",),
    bytes: ("bytes",),
    bool: ("boolean",),
    float: ("double",),
    int: ("int", "long"),
}
MESSAGES_BY_MODEL = {message.model: message for message in MESSAGES}


def sentences(model: type) -> dict[str, str]:
    """Sentences on the fields of a model, read from its source; under its own name the one on the model."""
    tree = ast.parse(inspect.getsource(sys.modules[model.__module__]))
    node = next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == model.__name__)
    found = {"": ast.get_docstring(node) or ""}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = str(text.value.value)
    return found


class Comparison:
    """Compares one schema with its model, record by record; a record named again is not looked at again."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def record(self, schema: dict[str, Any], model: type, *, envelope: type | None = None) -> None:
        self.named[f"{schema['namespace']}.{schema['name']}"] = schema
        assert schema["name"] == model.__name__
        docs, hints = sentences(model), get_type_hints(model)
        assert schema["doc"] == docs[""]
        fields = schema["fields"]
        if envelope is not None:
            assert fields[0]["name"] == "envelope"
            self.record(fields[0]["type"], envelope)
            fields = fields[1:]
        described = msgspec.structs.fields(model)
        assert [field["name"] for field in fields] == [field.name for field in described]
        for field, known in zip(fields, described, strict=True):
            assert field["doc"] == docs[known.name], known.name
            self.type_of(field["type"], hints[known.name], docs[known.name], known.name)
            self.default(field, known)

    def default(self, field: dict[str, Any], known: Any) -> None:
        if known.default is msgspec.NODEFAULT and known.default_factory is msgspec.NODEFAULT:
            assert "default" not in field, known.name
            return
        value = known.default_factory() if known.default is msgspec.NODEFAULT else known.default
        if isinstance(value, bytes | msgspec.Struct):  # no state is read by who does not know these: they stay without
            assert "default" not in field, known.name
        else:
            assert field["default"] == (list(value) if isinstance(value, tuple) else value), known.name

    def type_of(self, schema: Any, hint: Any, doc: str, name: str) -> None:
        origin, args = get_origin(hint), get_args(hint)
        if hint in PRIMITIVES:
            plain = schema["type"] if isinstance(schema, dict) else schema
            assert plain in PRIMITIVES[hint], name
            is_time = hint is int and "microseconds since the epoch" in doc
            assert (isinstance(schema, dict) and schema.get("logicalType") == "timestamp-micros") == is_time, name
        elif origin is tuple:
            assert schema["type"] == "array"
            self.type_of(schema["items"], args[0], "", name)
        elif origin is dict:
            assert (schema["type"], args[0]) == ("map", str)
            self.type_of(schema["values"], args[1], "", name)
        elif origin in (Union, types.UnionType):
            self.union(schema, args, name)
        else:
            self.record(self.named[schema] if isinstance(schema, str) else schema, hint)

    def union(self, schema: list[Any], args: tuple[Any, ...], name: str) -> None:
        optional = type(None) in args
        assert (schema[0] == "null") == optional, name
        branches = [arg for arg in args if arg is not type(None)]
        for branch, arg in zip(schema[optional:], branches, strict=True):
            self.type_of(branch, arg, "", name)


@pytest.mark.parametrize("model", MESSAGES_BY_MODEL, ids=lambda model: model.__name__)
def test_schema_and_model_say_the_same_R12(model: type) -> None:
    message: Message = MESSAGES_BY_MODEL[model]

    Comparison().record(json.loads(schema_of(model).text), model, envelope=message.envelope)


def test_a_difference_is_found_R12() -> None:
    message = MESSAGES[0]
    changes: tuple[Callable[[Any], Any], ...] = (
        lambda s: s["fields"].reverse(),
        lambda s: s["fields"][0].update(doc="Something else."),
        lambda s: s["fields"][0].update(type="long"),
        lambda s: s["fields"].pop(),
        lambda s: s["fields"][4].update(default="[]"),
        lambda s: s.update(doc="Something else."),
    )
    for change in changes:
        schema = json.loads(schema_of(message.model).text)
        change(schema)
        with pytest.raises(AssertionError):
            Comparison().record(schema, message.model, envelope=message.envelope)
