"""Requests read from the wire, by the protocol that the service's model names."""

import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from libs.testing.cloud.models import Call, Refused, misfits, service

SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, SignedHeaders=[^,]+, Signature=[0-9a-f]{64}$"
)


def read(method: str, raw_path: str, headers: dict[str, str], body: bytes) -> Call:
    """The call in a request. Raises Refused for what does not fit the model."""
    signed = SCOPE.match(headers.get("authorization", ""))
    if not signed:
        raise Refused("MissingAuthenticationToken", "the request is not signed", 403)
    model = service(signed[2])
    path, _, query = raw_path.partition("?")
    reader = {"rest-json": _rest, "rest-xml": _rest, "ec2": _form, "query": _form, "json": _target}[model.metadata["protocol"]]
    operation, params = reader(model, method, path, query, headers, body)
    if wrong := misfits(params, operation.input_shape):
        code = "InvalidParameterValue" if model.metadata["protocol"] in ("ec2", "query") else "ValidationException"
        raise Refused(code, "; ".join(wrong))
    return Call(model, operation, params)


@lru_cache(maxsize=8)
def _routes(model: ServiceModel) -> list[tuple[str, re.Pattern[str], OperationModel]]:
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        template = operation.http["requestUri"].partition("?")[0]
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda found: f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})", re.escape(template))
        routes.append((operation.http["method"], re.compile(pattern.rstrip("/") + "/?$"), operation))
    return routes


def _rest(
    model: ServiceModel, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> tuple[OperationModel, dict[str, Any]]:
    for verb, pattern, operation in _routes(model):
        if verb == method and (found := pattern.match(path)):
            return operation, _rest_params(model, operation, found.groupdict(), query, body)
    raise Refused("UnknownOperationException", f"there is no operation {method} {path}", 404)


def _rest_params(model: ServiceModel, operation: OperationModel, uri: dict[str, str], query: str, body: bytes) -> dict[str, Any]:
    shape = operation.input_shape
    asked: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        asked.setdefault(name, []).append(value)
    params: dict[str, Any] = {}
    if body and shape is not None:
        params = _json(body) if model.metadata["protocol"] == "rest-json" else _from_xml(ElementTree.fromstring(body), shape)
    for name, member in (shape.members if shape else {}).items():
        place, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri":
            params[name] = unquote(uri[wire])
        elif place == "querystring" and wire in asked:
            params[name] = asked[wire] if isinstance(member, ListShape) else _typed(asked[wire][0], member)
    return params


def _target(
    model: ServiceModel, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> tuple[OperationModel, dict[str, Any]]:
    prefix, _, name = headers.get("x-amz-target", "").rpartition(".")
    if prefix != model.metadata["targetPrefix"] or name not in model.operation_names:
        raise Refused("UnknownOperationException", f"there is no operation {name}")
    return model.operation_model(name), _json(body)


def _form(
    model: ServiceModel, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> tuple[OperationModel, dict[str, Any]]:
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body)))
    name, version = fields.pop("Action", ""), fields.pop("Version", "")
    if name not in model.operation_names or version != model.api_version:
        raise Refused("InvalidAction", f"there is no operation {name} in version {version}")
    operation = model.operation_model(name)
    params = _from_fields(fields, operation.input_shape, "") if operation.input_shape else {}
    if fields:
        raise Refused("UnknownParameter", f"{name} has no parameter {sorted(fields)[0]}")
    return operation, params


def _from_fields(fields: dict[str, str], shape: Shape, prefix: str) -> Any:
    """Take what belongs to a shape out of the fields; what is left over at the end is unknown to the model."""
    if isinstance(shape, StructureShape):
        found = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("queryName") or member.serialization.get("name", name)
            key = f"{prefix}.{wire[0].upper()}{wire[1:]}" if prefix else f"{wire[0].upper()}{wire[1:]}"
            if any(field == key or field.startswith(key + ".") for field in fields):
                found[name] = _from_fields(fields, member, key)
        return found
    if isinstance(shape, ListShape):
        items: list[Any] = []
        while any(field == f"{prefix}.{len(items) + 1}" or field.startswith(f"{prefix}.{len(items) + 1}.") for field in fields):
            items.append(_from_fields(fields, shape.member, f"{prefix}.{len(items) + 1}"))
        return items
    return _typed(fields.pop(prefix, ""), shape)


def _from_xml(node: ElementTree.Element, shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        found: dict[str, Any] = {}
        wires = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        for child in node:
            wire = child.tag.rpartition("}")[2]
            name, member = wires.get(wire, (wire, None))
            found[name] = _from_xml(child, member) if member is not None else child.text
        return found
    if isinstance(shape, ListShape):
        return [_from_xml(child, shape.member) for child in node]
    return _typed(node.text or "", shape)


def _typed(text: str, shape: Shape) -> Any:
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
    except ValueError:
        raise Refused("InvalidParameterValue", f"{text} is not a number") from None
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        raise Refused("SerializationException", "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused("SerializationException", "the body is not an object")
    return found
