"""The body of `POST /v1/migrations`, of a line of bulk and of a JSON message on the intake topic: one model, three doors."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    UrlConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.domain.migration.archiving import LONGEST_RETENTION_S
from libs.domain.migration.gates import MOST_LIMITS
from libs.edge.approval_request import ApprovalGate, one_each
from libs.edge.values import CapacityId, Id, JsonObject, Labels, Moment, Name, Text

PHASES = ("preparing", "replicating", "testing", "cutting_over", "finalising")
CallbackUrl = Annotated[AnyHttpUrl, UrlConstraints(max_length=2_000)]
_MICROSECOND = datetime.resolution
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Body(BaseModel):
    """Base of request bodies: camelCase on the wire, no coercion, no unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, validate_by_alias=True, validate_by_name=False)


class MigrationRequest(Body):
    """What shall be moved, from where to where, and under which conditions."""

    migration_id: Id | None = Field(default=None, description="Id of the migration; derived from tenant and Idempotency-Key when left out")
    app_name: Text = Field(description="Application that the thing moved belongs to")
    provider: Name = Field(description="Kind of provider that moves it, e.g. postgres")
    source: JsonObject = Field(description="Where it is now, as the provider understands it; secrets only by reference")
    target: JsonObject = Field(description="Where it shall be, as the provider understands it; secrets only by reference")
    environment: Name = Field(description="Environment it is meant for; must be the one that this API serves")
    steps: list[Literal["preparing", "replicating", "testing", "cutting_over", "finalising"]] | None = Field(
        default=None, max_length=5, description="Phases to run, in order. A plan always has all of them, so leave it out or name all five"
    )
    wave: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$")] = Field(default="", description="Wave it moves with")
    depends_on: list[Id] = Field(default=[], max_length=100, description="Migrations that must be completed first; only together with wave")
    limits: list[CapacityId] = Field(
        default=[], max_length=MOST_LIMITS, description="Capacities that it needs a slot of before it begins, e.g. limit/host=esx-1"
    )
    retention_seconds: Annotated[int, Field(ge=0, le=LONGEST_RETENTION_S)] = Field(
        default=0, description="How long after its end it stays in live state before it is archived; 0 for the standard of 30 days"
    )
    callback_url: CallbackUrl | None = Field(default=None, description="Where signed callbacks about it are sent")
    due_at: Moment | None = Field(default=None, description="When it must be done (RFC 3339)")
    labels: Labels = Field(default={}, description="Free labels to find it by")
    options: JsonObject = Field(default={}, description="Settings of the provider")
    on_failure: Literal["rollback", "hold"] = Field(default="rollback", description="What follows when a step has failed for good")
    approval: bool = Field(default=False, description="Whether a person must approve before the cut-over")
    rehearses: Id | None = Field(default=None, description="Migration whose way back this one rehearses, by being rolled back")
    approvals: Annotated[list[ApprovalGate], AfterValidator(one_each)] = Field(
        default=[], max_length=16, description="Further go/no-go gates, each before a phase or step"
    )

    @field_validator("environment")
    @classmethod
    def _ours(cls, value: str, info: ValidationInfo) -> str:
        ours = (info.context or {}).get("environment", value)
        if value != ours:
            raise PydanticCustomError("other_environment", "this API serves the environment {ours}", {"ours": ours})
        return value

    @field_validator("steps")
    @classmethod
    def _all_phases(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and tuple(value) != PHASES:
            raise PydanticCustomError("unsupported_steps", "a plan runs all phases in order: leave steps out or name all five")
        return value

    @field_validator("depends_on")
    @classmethod
    def _within_a_wave(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if value and not info.data.get("wave", "unknown"):
            message = "needs a wave, since waves keep the order: name in wave the one that it moves with, or leave dependsOn out"
            raise PydanticCustomError("depends_on_without_wave", message)
        return value

    @field_validator("callback_url")
    @classmethod
    def _no_credentials(cls, value: CallbackUrl | None) -> CallbackUrl | None:
        if value is not None and (value.username or value.password):
            raise PydanticCustomError("plaintext_secret", "a callback URL holds no user or password")
        return value

    @model_validator(mode="after")
    def _not_itself(self) -> Self:
        if self.migration_id is not None and self.migration_id in self.depends_on:
            raise PydanticCustomError("depends_on_itself", "a migration cannot depend on itself")
        if self.migration_id is not None and self.migration_id == self.rehearses:
            raise PydanticCustomError("rehearses_itself", "a migration cannot rehearse its own way back")
        return self

    def command(self) -> RequestMigration:
        """The command that asks for it."""
        request = Request(
            provider=self.provider,
            application=self.app_name,
            source=_json(self.source),
            target=_json(self.target),
            options=_json(self.options) if self.options else "",
            wave=self.wave,
            depends_on=tuple(dict.fromkeys(self.depends_on)),
            retention_seconds=self.retention_seconds,
            limits=tuple(dict.fromkeys(self.limits)),
            callback_url=str(self.callback_url) if self.callback_url else "",
            due_at=(self.due_at - _EPOCH) // _MICROSECOND if self.due_at else 0,
            labels=self.labels,
            on_failure=self.on_failure,
            approval=self.approval,
            rehearses=self.rehearses or "",
            approvals=tuple(gate.terms() for gate in self.approvals),
        )
        return RequestMigration(request=request)


class BulkLine(MigrationRequest):
    """One line of a bulk request."""

    idempotency_key: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")] | None = Field(
        default=None, description="Idempotency key of this line; the migrationId when left out. One of the two is needed"
    )

    @model_validator(mode="after")
    def _identified(self) -> Self:
        if self.migration_id is None and self.idempotency_key is None:
            raise PydanticCustomError("idempotency_key_missing", "give idempotencyKey or migrationId")
        return self


def _json(value: dict[str, object]) -> str:
    """Canonical text, so that the same object is the same payload whatever the order of its members."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


MIGRATION_REQUEST: TypeAdapter[MigrationRequest] = TypeAdapter(MigrationRequest)
BULK_LINE: TypeAdapter[BulkLine] = TypeAdapter(BulkLine)
