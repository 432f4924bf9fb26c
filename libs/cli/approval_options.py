"""`--gate`: a go/no-go gate on the command line."""

from typing import Annotated, Any

import typer

from libs.cli.errors import CliError, Exit
from libs.contracts.migration.approvals import ApprovalTerms

Gate = Annotated[
    list[str],
    typer.Option(
        "--gate",
        metavar="BEFORE[,quorum=N][,role=NAME]...",
        help="Have people approve before this phase or step. Also: mfa, expires=, answer-within=, way-back=SECONDS; repeatable.",
    ),
]
Rehearses = Annotated[
    str, typer.Option("--rehearses", metavar="ID", help="Migration whose way back this one rehearses, by being rolled back.")
]
_NUMBERS = {"quorum": "quorum", "expires": "expiresS", "answer-within": "answerWithinS", "way-back": "wayBackMaxAgeS"}


def gate_of(given: str) -> dict[str, Any]:
    """A gate as the API takes it. Raises CliError."""
    before, *settings = given.split(",")
    gate: dict[str, Any] = {"before": before}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name == "role" and value:
            gate.setdefault("roles", []).append(value)
        elif setting == "mfa":
            gate["mfa"] = True
        elif name in _NUMBERS and value.isdecimal():
            gate[_NUMBERS[name]] = int(value)
        else:
            raise CliError(
                f"--gate {given} holds {setting!r}", Exit.USAGE, "write for example --gate cutting_over,quorum=2,role=dba,mfa,expires=3600"
            )
    return gate


def terms(given: list[str]) -> tuple[ApprovalTerms, ...]:
    """Gates as a plan takes them. Raises CliError."""
    found = []
    for gate in map(gate_of, given):
        found.append(
            ApprovalTerms(
                before=gate["before"],
                roles=tuple(gate.get("roles", ())),
                quorum=gate.get("quorum", 1),
                mfa=gate.get("mfa", False),
                expires_s=gate.get("expiresS", 0),
                answer_within_s=gate.get("answerWithinS", 0),
                way_back_max_age_s=gate.get("wayBackMaxAgeS", 0),
            )
        )
    return tuple(found)
