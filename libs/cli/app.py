"""The `whimbrel` command: every sub-command in one place."""

from importlib.metadata import version
from typing import Annotated

import typer

from libs.cli import (
    access,
    approving,
    audit,
    capacities,
    configuring,
    dlq,
    operating,
    planning,
    provision,
    reading,
    rebuilding,
    rehearsing,
    requesting,
    stack,
    waves,
)

EPILOG = "Exit codes: 0 done, 1 failed outcome, 2 usage, 3 environment, 4 refused, 5 not found, 6 timeout, 130 interrupted."
MIGRATIONS, LOG, ACCESS = "Migrations", "The log and what is made from it", "Access and settings"


def _said(wanted: bool) -> None:
    if wanted:
        typer.echo(f"whimbrel {version('whimbrel')}")
        raise typer.Exit


def _itself(
    _: Annotated[bool, typer.Option("--version", callback=_said, is_eager=True, help="Say which release this is.")] = False,
) -> None:
    """Move things that must not break, and keep one log that is the truth about each move."""


def application() -> typer.Typer:
    """The whole application."""
    app = typer.Typer(
        name="whimbrel",
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_itself)
    stack.register(app)
    app.command(rich_help_panel=stack.PANEL)(provision.provision)
    planning.register(app, MIGRATIONS)
    requesting.register(app, MIGRATIONS)
    reading.register(app, MIGRATIONS)
    operating.register(app, MIGRATIONS)
    approving.register(app, MIGRATIONS)
    capacities.register(app, MIGRATIONS)
    waves.register(app, MIGRATIONS)
    rehearsing.register(app, MIGRATIONS)
    dlq.register(app, LOG)
    audit.register(app, LOG)
    app.command("rebuild", rich_help_panel=LOG)(rebuilding.rebuild_read_models)
    access.register(app, ACCESS)
    configuring.register(app, ACCESS)
    return app
