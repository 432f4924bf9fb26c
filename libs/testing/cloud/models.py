"""The service models of the SDK: which operations there are, and what may go in and come out of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

SERVICES = ("mgn", "ec2", "route53", "sts", "servicequotas")
"""By signing name, as it stands in the scope of a request's signature."""
MODELS = {"servicequotas": "service-quotas"}
NUMBERS: dict[str, tuple[type, ...]] = {"integer": (int,), "long": (int,), "float": (int, float), "double": (int, float)}
COMMON_ERRORS = {
    "ThrottlingException", "Throttling", "RequestLimitExceeded", "InternalFailure", "InternalError", "InternalServerException",
    "InvalidParameterValue", "AccessDeniedException", "UnauthorizedOperation", "ValidationException", "UnknownOperationException",
}  # fmt: skip
"""Codes that every operation may answer with; models do not list them."""


@dataclass(frozen=True)
class Call:
    """One request, read."""

    model: ServiceModel
    operation: OperationModel
    params: dict[str, Any]

    @property
    def subject(self) -> str:
        """What the call is about, so that chance does not depend on the order in which others call."""
        for name in ("sourceServerID", "sourceServerIDs", "resourceArn", "InstanceIds", "VolumeId", "SnapshotId", "HostedZoneId"):
            if value := self.params.get(name):
                return str(value)
        return ""


class Refused(Exception):
    """The vendor would refuse this; the code is one of its own."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@lru_cache(maxsize=8)
def service(name: str) -> ServiceModel:
    """The model of a service, by signing name."""
    if name not in SERVICES:
        raise Refused("UnknownOperationException", f"there is no service {name} here", 404)
    return botocore.session.get_session().get_service_model(MODELS.get(name, name))


def misfits(value: Any, shape: Shape | None, path: str = "") -> list[str]:
    """Everything in which a value differs from its shape: names, types, lengths, ranges, patterns, enumerations."""
    if shape is None:
        return [] if not value else [f"{path}: nothing is expected here"]
    return list(_misfits(value, shape, path or shape.name))


def _misfits(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _structure(value, shape, path)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        yield from _size(len(value), shape, path)
        for index, one in enumerate(value):
            yield from _misfits(one, shape.member, f"{path}[{index}]")
    elif isinstance(shape, MapShape):
        if not isinstance(value, dict):
            yield f"{path}: not a map"
            return
        yield from _size(len(value), shape, path)
        for key, one in value.items():
            yield from _misfits(key, shape.key, f"{path}.key")
            yield from _misfits(one, shape.value, f"{path}[{key}]")
    else:
        yield from _scalar(value, shape, path)


def _structure(value: Any, shape: StructureShape, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not a structure"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name}: required"
    for name, one in value.items():
        if name not in shape.members:
            yield f"{path}.{name}: unknown"
        else:
            yield from _misfits(one, shape.members[name], f"{path}.{name}")


def _scalar(value: Any, shape: Shape, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "boolean":
        if not isinstance(value, bool):
            yield f"{path}: not a boolean"
    elif kind in NUMBERS:
        if isinstance(value, int | float) and type(value) in NUMBERS[kind]:
            yield from _size(value, shape, path)
        else:
            yield f"{path}: not a number"
    elif kind in ("string", "timestamp"):
        if not isinstance(value, str):
            yield f"{path}: not a string"
            return
        yield from _size(len(value), shape, path)
        allowed = getattr(shape, "enum", None)
        if allowed and value not in allowed:
            yield f"{path}: {value} is not one of {', '.join(allowed[:12])}"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.search(pattern, value):
            yield f"{path}: {value} does not match {pattern}"


def _size(size: float, shape: Shape, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        yield f"{path}: {size} is outside {low} to {high}"
