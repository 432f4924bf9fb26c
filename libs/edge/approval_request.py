"""A go/no-go gate as a request asks for it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from libs.contracts.migration.approvals import ApprovalTerms
from libs.edge.values import Name

_YEAR_S = 366 * 86_400
Place = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,55}$")]


class ApprovalGate(BaseModel):
    """A point of the plan that the migration passes only when people say so."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, validate_by_alias=True, validate_by_name=False)

    before: Place = Field(description="Phase or step that does not begin without it, e.g. cutting_over")
    roles: list[Name] = Field(default=[], max_length=10, description="Roles of which each approver's token needs one; none: any approver")
    quorum: int = Field(default=1, ge=1, le=10, description="How many different people must approve")
    mfa: bool = Field(default=False, description="Whether an approval takes a second factor; in prod it always does")
    expires_s: int = Field(
        default=0, ge=0, le=_YEAR_S, description="Seconds after which an approval lapses unless what it is for has begun; 0 for never"
    )
    answer_within_s: int = Field(
        default=0, ge=0, le=_YEAR_S, description="Seconds after which the gate has failed unless it was approved; 0 for never"
    )
    way_back_max_age_s: int = Field(
        default=0,
        ge=0,
        le=_YEAR_S,
        description="Seconds that the last rehearsal of the way back, which must have passed, may be old; 0: none is asked for",
    )

    def terms(self) -> ApprovalTerms:
        """The same as the log holds it."""
        return ApprovalTerms(
            before=self.before,
            roles=tuple(dict.fromkeys(self.roles)),
            quorum=self.quorum,
            mfa=self.mfa,
            expires_s=self.expires_s,
            answer_within_s=self.answer_within_s,
            way_back_max_age_s=self.way_back_max_age_s,
        )


def one_each(gates: list[ApprovalGate]) -> list[ApprovalGate]:
    """The same, if no two stand before the same. Raises PydanticCustomError."""
    if len({gate.before for gate in gates}) < len(gates):
        raise PydanticCustomError("repeated_gate", "two gates stand before the same; make them one, or name steps")
    return gates
