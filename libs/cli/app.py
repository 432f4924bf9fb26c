"""The `whimbrel` command: every sub-command in one place."""

import typer

from libs.cli import provision, stack

EPILOG = "Exit codes: 0 done, 1 failed outcome, 2 usage, 3 environment, 4 refused, 5 not found, 6 timeout, 130 interrupted."
STACK, MIGRATIONS, LOG = "The stack on this machine", "Migrations", "The log and what is made from it"


def application() -> typer.Typer:
    """The whole application."""
    app = typer.Typer(
        name="whimbrel",
        help="Move things that must not break, and keep one log that is the truth about each move.",
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    stack.register(app)
    app.command(rich_help_panel=STACK)(provision.provision)
    return app
