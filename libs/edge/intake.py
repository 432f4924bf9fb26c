"""The second door: messages of the intake topic, JSON or Avro, become commands or poison. Pure but for schema look-ups.

JSON obeys the JSON Schema of `POST /v1/migrations`, with `tenant` as one more field; Avro is a RequestMigration, held to the
same rules. The idempotency key is the header `idempotency-key`, else the migration's id, else the message's position.
"""

import re
from hashlib import sha256
from typing import Annotated, Any, NamedTuple, cast

import msgspec
import orjson
from pydantic import Field, TypeAdapter
from pydantic.alias_generators import to_camel

from libs.contracts.avro import Undecodable, schema_of
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import RequestMigration
from libs.edge.event_documents import time_of
from libs.edge.identity import IDEMPOTENCY_KEY, aggregate_id_of, command_id_of
from libs.edge.migration_request import MigrationRequest
from libs.edge.problems import HttpProblem
from libs.edge.reading import parsed
from libs.runtime.codec import header
from libs.runtime.errors import Poison
from libs.runtime.received import Received
from libs.runtime.registry import Registry

ACTOR = "intake"
"""Actor of these commands: Kafka's ACLs say who may write to the topic, the message itself proves nothing."""
_TENANT_PATTERN = r"^[a-z0-9][a-z0-9-]{0,39}$"
_TENANT = re.compile(_TENANT_PATTERN)
_HEX = re.compile(r"[0-9a-f]{32}")
_TRACE = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
_CORRELATION = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")


class IntakeRequest(MigrationRequest):
    """A migration request on the intake topic."""

    tenant: Annotated[str, Field(pattern=_TENANT_PATTERN)] | None = Field(
        default=None, description="Tenant; the header `tenant` has the same meaning"
    )


INTAKE_REQUEST: TypeAdapter[IntakeRequest] = TypeAdapter(IntakeRequest)


class Intake(NamedTuple):
    """What the answer to a message depends on beside the message."""

    registry: Registry
    environment: str
    default_tenant: str

    def command(self, message: Received, now: int) -> tuple[CommandEnvelope, RequestMigration, bytes]:
        """Envelope, command and traceparent that a message asks for. Raises Poison with every reason, RegistryUnavailable."""
        if message.value is None:
            raise Poison("no_value", "the message has no value")
        text = self._json_of(message.value) if message.value[:1] == b"\0" else message.value
        try:
            request: IntakeRequest = parsed(INTAKE_REQUEST, text, {"environment": self.environment})
        except HttpProblem as problem:
            raise Poison(_REASONS[problem.code], sentence(problem)) from problem
        tenant = self._tenant(message, request)
        key = _key(message, request)
        command_id = command_id_of(tenant, key)
        envelope = CommandEnvelope(
            command_id=command_id,
            tenant=tenant,
            aggregate=request.migration_id or aggregate_id_of(tenant, key),
            environment=self.environment,
            actor=ACTOR,
            correlation_id=correlation_of(message, command_id),
            occurred_at=now,
        )
        return envelope, request.command(), traceparent_of(message, command_id)

    def _json_of(self, value: bytes) -> bytes:
        """The Avro record as the JSON that would ask for the same."""
        if len(value) < 5:
            raise Poison("not_wire_format", "the value begins with the byte 0 but holds no schema id")
        name, writer, _ = self.registry.writer(int.from_bytes(value[1:5], "big"))
        schema = schema_of(RequestMigration)
        if name != schema.full_name:
            raise Poison("unexpected_type", f"{name or 'a nameless record'} is not {schema.full_name}")
        try:
            envelope, command = schema.decode(value[5:], writer)
            return _as_json(envelope, command)
        except (Undecodable, orjson.JSONDecodeError, OverflowError) as error:
            raise Poison("undecodable", str(error)) from error

    def tenant_of(self, message: Received) -> str:
        """Tenant that a message concerns which could not be taken: what its header or its JSON says, else the default tenant."""
        told = header(message.headers, "tenant").decode("utf-8", "replace") or _member(message.value, "tenant")
        given = told or _member(message.value, "workId").partition("/")[0]
        return given if _TENANT.match(given) else self.default_tenant

    def _tenant(self, message: Received, request: IntakeRequest) -> str:
        given = header(message.headers, "tenant").decode("utf-8", "replace")
        if given and not _TENANT.match(given):
            raise Poison("invalid", "header tenant: a tenant is 1 to 40 characters of a-z, 0-9 and -")
        if given and request.tenant and given != request.tenant:
            raise Poison("invalid", f"/tenant: the header says {given}, the message {request.tenant}")
        return given or request.tenant or self.default_tenant


INVALID = "invalid"
_REASONS = {"malformed_json": "undecodable", "invalid_request": INVALID}


def _member(value: bytes | None, name: str) -> str:
    """A text member of a JSON object; empty when there is none."""
    try:
        found = orjson.loads(value or b"").get(name)
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def sentence(problem: HttpProblem) -> str:
    """Everything that is wrong, for people."""
    return "; ".join(f"{error['pointer'] or '/'}: {error['detail']}" for error in problem.errors) or problem.detail


def _key(message: Received, request: IntakeRequest) -> str:
    given = header(message.headers, "idempotency-key").decode("utf-8", "replace")
    if given and not IDEMPOTENCY_KEY.match(given):
        raise Poison("invalid", "header idempotency-key: give 1 to 255 visible ASCII characters")
    return given or request.migration_id or f"{message.topic}/{message.partition}/{message.offset}"


def correlation_of(message: Received, command_id: str) -> str:
    """The correlation id that a message carries, else the command's id."""
    given = (header(message.headers, "ce_correlationid") or header(message.headers, "x-correlation-id")).decode("utf-8", "replace")
    return given if _CORRELATION.match(given) else command_id


def traceparent_of(message: Received, command_id: str) -> bytes:
    """The trace that a message carries, else one that derives from the command, so that a repeat has the same."""
    given = header(message.headers, "traceparent")
    if _TRACE.match(given.decode("utf-8", "replace")):
        return given
    return f"00-{_trace_id(command_id)}-{sha256(command_id.encode()).hexdigest()[:16]}-01".encode()


def _trace_id(command_id: str) -> str:
    """A UUID's own digits; of another command id, a digest."""
    digits = command_id.replace("-", "")
    return digits if _HEX.fullmatch(digits) else sha256(digits.encode()).hexdigest()[:32]


def _as_json(envelope: Any, command: Any) -> bytes:
    request = cast(RequestMigration, command).request
    found: dict[str, Any] = {
        "migrationId": envelope.aggregate,
        "tenant": envelope.tenant,
        "environment": envelope.environment,
        "appName": request.application,
        "provider": request.provider,
        "source": _verbatim(request.source),
        "target": _verbatim(request.target),
        "options": _verbatim(request.options or "{}"),
        "wave": request.wave,
        "dependsOn": request.depends_on,
        "limits": request.limits,
        "retentionSeconds": request.retention_seconds,
        "callbackUrl": request.callback_url or None,
        "dueAt": time_of(request.due_at) if request.due_at else None,
        "labels": request.labels,
        "onFailure": request.on_failure,
        "approval": request.approval,
        "rehearses": request.rehearses or None,
        "approvals": [{to_camel(name): value for name, value in msgspec.structs.asdict(terms).items()} for terms in request.approvals],
    }
    return orjson.dumps(found)


def _verbatim(text: str) -> orjson.Fragment:
    """JSON as it was written, numbers to their last digit. Raises JSONDecodeError."""
    orjson.loads(text)
    return orjson.Fragment(text)
