"""`whimbrel audit`: check every chain of the log, export it, seal its heads, find commands without an outcome."""

from pathlib import Path
from typing import Annotated

import typer

from libs.cli.connection import DEFAULT_DIR, DataDir
from libs.cli.output import AsJson

Bundle = Annotated[Path | None, typer.Option("--bundle", exists=True, dir_okay=False, help="An export to check, instead of Kafka.")]
Heads = Annotated[
    Path | None, typer.Option("--heads", exists=True, dir_okay=False, help="A seal made earlier and kept apart: finds a cut tail, too.")
]
Trust = Annotated[str, typer.Option("--trust", help="Public key that the seal must be signed with: 64 hexadecimal digits, or a file.")]
Key = Annotated[
    Path | None,
    typer.Option("--key", help="File of the private key, made the first time; seal.key below the data directory when left out."),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add `audit` to the `whimbrel` command."""
    group = typer.Typer(help="Check every chain of the log, export it, seal its heads.", no_args_is_help=True)
    group.command("verify")(verify)
    group.command("export")(export)
    group.command("seal")(seal)
    group.command("outcomes")(outcomes)
    app.add_typer(group, name="audit", rich_help_panel=panel)


def verify(bundle: Bundle = None, heads: Heads = None, trust: Trust = "", data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Check every event of every chain, in Kafka or in an export, and name the first bad position. Exit code 1 when there is one.

    Without --heads the end of each chain has no witness: a cut tail and a changed last event go unseen.

    Example: whimbrel audit verify --bundle log.ndjson.gz --heads 2026-11.heads --trust seal.pub
    """
    from libs.cli import audit_work

    audit_work.verify(bundle, heads, trust, data_dir, as_json)


def export(
    file: Annotated[Path, typer.Argument(help="File to write; .gz compresses.")], data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False
) -> None:
    """Write every event with its position, key, headers and schema to one file that anyone can check without Kafka."""
    from libs.cli import audit_work

    audit_work.export_log(file, data_dir, as_json)


def seal(
    file: Annotated[
        Path, typer.Argument(help="File to write, e.g. 2026-11.heads. Keep it where nobody who can write the log can write it.")
    ],
    key: Key = None,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Check the log, then write where every chain stands, signed: the witness for audit verify --heads. Refused when a chain is broken."""
    from libs.cli import audit_work

    audit_work.seal_log(file, key, data_dir, as_json)


def outcomes(
    grace: Annotated[float, typer.Option("--grace", min=0, help="Seconds that a command may wait for its outcome.")] = 60.0,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Prove that every command a client sent was answered, by an event or a dead letter. Exit code 1 names those that were not.

    Run it every few minutes and raise an alarm when it fails. Looks at what the command topics still hold (30 days).

    Example: whimbrel audit outcomes --grace 30
    """
    from libs.cli import audit_work

    audit_work.outcomes(grace, data_dir, as_json)
