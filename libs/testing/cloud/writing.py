"""Answers written to the wire, by the protocol that the service's model names; an answer that does not fit the model is not sent."""

import json
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from libs.testing.cloud.models import COMMON_ERRORS, Call, Refused, misfits


class DoesNotFit(Exception):
    """The stand-in itself made an answer or an error that the vendor's model does not know: a defect of the stand-in."""


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    headers: dict[str, str]


def answer(call: Call, output: dict[str, Any], request_id: str) -> Answer:
    """A success. Raises DoesNotFit."""
    shape = call.operation.output_shape
    if wrong := misfits(output, shape):
        raise DoesNotFit(f"{call.operation.name}: {'; '.join(wrong)}")
    status = call.operation.http.get("responseCode", 200)
    protocol = call.model.metadata["protocol"]
    headers = {"x-amzn-requestid": request_id}
    if protocol in ("rest-json", "json"):
        body = b"" if status == 204 else json.dumps(output).encode()
        return Answer(status, body, {**headers, "content-type": "application/json"})
    root = ElementTree.Element(f"{call.operation.name}Response")
    inner = root
    if protocol == "query":
        inner = ElementTree.SubElement(root, f"{call.operation.name}Result")
    if shape is not None:
        _fill(inner, output, shape)
    if protocol == "ec2":
        ElementTree.SubElement(root, "requestId").text = request_id
    return Answer(status, ElementTree.tostring(root), {**headers, "content-type": "text/xml"})


def refusal(model: ServiceModel | None, call: Call | None, error: Refused, request_id: str) -> Answer:
    """An error, in the words of the service. Raises DoesNotFit for a code that the operation does not have."""
    if call is not None:
        known = {str(shape.metadata.get("error", {}).get("code", shape.name)) for shape in call.operation.error_shapes} | COMMON_ERRORS
        if call.model.metadata["protocol"] not in ("ec2", "query") and error.code not in known:
            raise DoesNotFit(f"{call.operation.name} has no error {error.code}")
    protocol = model.metadata["protocol"] if model else "rest-json"
    headers = {"x-amzn-requestid": request_id}
    if protocol in ("rest-json", "json"):
        body = json.dumps({"message": str(error), "__type": error.code}).encode()
        return Answer(error.status, body, {**headers, "content-type": "application/json", "x-amzn-errortype": error.code})
    if protocol == "ec2":
        root = ElementTree.Element("Response")
        place = ElementTree.SubElement(ElementTree.SubElement(root, "Errors"), "Error")
    else:
        root = ElementTree.Element("ErrorResponse")
        place = ElementTree.SubElement(root, "Error")
    ElementTree.SubElement(place, "Code").text = error.code
    ElementTree.SubElement(place, "Message").text = str(error)
    ElementTree.SubElement(root, "RequestID" if protocol == "ec2" else "RequestId").text = request_id
    return Answer(error.status, ElementTree.tostring(root), {**headers, "content-type": "text/xml"})


def _fill(node: ElementTree.Element, value: dict[str, Any], shape: StructureShape) -> None:
    for name, one in value.items():
        member = shape.members[name]
        _put(node, member.serialization.get("name", name), one, member)


def _put(node: ElementTree.Element, wire: str, value: Any, shape: Shape) -> None:
    if isinstance(shape, ListShape):
        holder = node if shape.serialization.get("flattened") else ElementTree.SubElement(node, wire)
        for one in value:
            _put(holder, shape.member.serialization.get("name", "member"), one, shape.member)
        return
    child = ElementTree.SubElement(node, wire)
    if isinstance(shape, StructureShape):
        _fill(child, value, shape)
    else:
        child.text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
