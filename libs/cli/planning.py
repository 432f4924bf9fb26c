"""`whimbrel plan`: what a move would do. It looks, without a stack, and touches nothing."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from deploy.embedded.settings import credential_dir
from libs.cli.approval_options import Gate, terms
from libs.cli.connection import DEFAULT_DIR, DataDir
from libs.cli.endpoints import capacities, options, side
from libs.cli.errors import CliError, Exit
from libs.cli.output import AsJson, next_command, one_line_errors, out, print_json, talk
from libs.cli.plan_table import estimate_of, plan_view
from libs.cli.text import rows, table
from libs.cli.text import show as show_table
from libs.contracts.migration.approvals import ApprovalTerms
from libs.contracts.migration.plan import Plan
from libs.contracts.values import Problem

Source = Annotated[
    str, typer.Option("--source", help="Database to move: env:NAME, file:PATH, or a postgresql:// address without password.")
]
Target = Annotated[str, typer.Option("--target", help="Empty database to move it to, written in the same way.")]
Whose = Annotated[str, typer.Option("--tenant", envvar="WHIMBREL_TENANT", help="Tenant whose references are followed.")]
Option = Annotated[
    list[str], typer.Option("--option", "-o", metavar="NAME=VALUE", help="Option of the provider, e.g. reverse=false; repeatable.")
]
Limit = Annotated[
    list[str], typer.Option("--limit", metavar="CAPACITY", help="Capacity that it needs a slot of before it begins; repeatable.")
]
Approve = Annotated[bool, typer.Option("--approve", help="Have a person approve before the cut-over.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add `plan` to the `whimbrel` command."""
    group = typer.Typer(help="Show what a move would do; looks only, and needs no stack.", no_args_is_help=True)
    group.command("postgres")(plan_postgres)
    app.add_typer(group, name="plan", rich_help_panel=panel)


def plan_postgres(
    source: Source,
    target: Target,
    option: Option = [],  # noqa: B006 - typer copies it
    limit: Limit = [],  # noqa: B006
    approve: Approve = False,
    gate: Gate = [],  # noqa: B006
    tenant: Whose = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Print every step of a move, what undoes it, the point of no return and an estimate; or everything that forbids it.

    References are followed here, in this environment, as the workers would for the tenant. Exit code 1 when problems forbid the move.

    Example: SHOP_DSN=postgresql://... NEW_DSN=postgresql://... whimbrel plan postgres --source env:SHOP_DSN --target env:NEW_DSN
    """
    with one_line_errors(as_json):
        ends, limits = (side("source", source), side("target", target)), capacities(limit)
        asked = looked("postgres", *ends, options(option), tenant=tenant, approve=approve, gates=terms(gate))
        with _credentials_in(credential_dir(data_dir)):
            plan, problems = asyncio.run(asked)
        if as_json:
            print_json(
                {
                    "plan": msgspec.to_builtins(plan) if plan else None,
                    "limits": limits,
                    "estimate_ms": estimate_of(plan) if plan else None,
                    "problems": [msgspec.to_builtins(one) for one in problems],
                }
            )
        elif plan:
            show_table(out(), plan_view(plan, limits))
            next_command(
                " ".join(("whimbrel migrate postgres --source", source, "--target", target, *(f"--limit {one}" for one in limits)))
            )
        else:
            show_problems(problems)
    if problems:
        raise typer.Exit(Exit.FAILED)


@contextmanager
def _credentials_in(folder: Path) -> Iterator[None]:
    """References are followed as the workers would."""
    name = "WHIMBREL_CREDENTIAL_DIR"
    known = name in os.environ
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        if not known:
            del os.environ[name]


async def looked(
    kind: str,
    source: dict[str, Any],
    target: dict[str, Any],
    chosen: dict[str, Any],
    *,
    tenant: str,
    approve: bool,
    gates: tuple[ApprovalTerms, ...] = (),
) -> tuple[Plan | None, tuple[Problem, ...]]:
    """The plan, or the problems that forbid one. Raises CliError when the databases cannot be reached."""
    from libs.providers.approval_gates import with_gates
    from libs.providers.base import MoveRequest, ProviderError  # asyncpg takes 0.2 s to import
    from libs.providers.carrying_out import Carrier
    from libs.providers.catalogue import PROVIDERS

    request = MoveRequest(tenant=tenant, migration="plan", provider=kind, source=source, target=target, options=chosen)
    try:
        provider = Carrier(PROVIDERS).provider(kind)
        inspection = await provider.inspect(request)
        if inspection.problems:
            return None, inspection.problems
        plan, problems = with_gates(provider.plan(request, inspection), approve, gates)
    except ProviderError as error:
        raise CliError(error.problem.message, Exit.ENVIRONMENT, error.problem.remedy) from error
    return None if problems else plan, problems


def show_problems(problems: tuple[Problem, ...] | list[Problem]) -> None:
    """Everything that forbids a move, with what to do about it."""
    count = len(problems)
    talk().print(f"[red]The move is not possible: {count} problem{'s' if count > 1 else ''}. Nothing was touched.[/]")
    show_table(out(), rows(table("code", "what is wrong", "what to do"), [(p.code, p.message, p.remedy) for p in problems]))
