"""`whimbrel rehearse`: what would become of a wave, by the same rules, in virtual time."""

from pathlib import Path
from typing import Annotated

import typer

from libs.cli.connection import DEFAULT_DIR, DataDir
from libs.cli.output import AsJson


def register(app: typer.Typer, panel: str) -> None:
    """Add `rehearse` to the `whimbrel` command."""
    group = typer.Typer(
        help="What would become of a wave: finish dates, due dates, peaks, who is told. Nothing is changed.", no_args_is_help=True
    )
    group.callback()(_group)
    group.command("wave")(wave)
    app.add_typer(group, name="rehearse", rich_help_panel=panel)


def _group() -> None:
    """What would become of a wave: finish dates, due dates, peaks, who is told. Nothing is changed."""


def wave(
    names: Annotated[list[str] | None, typer.Argument(metavar="[WAVE]...", help="Waves; those before them run as well.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All waves that are not over.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same answer.")] = 0,
    runs: Annotated[int, typer.Option("--runs", min=0, max=10_000, help="How many runs; 0 for 100, fewer with more than 500 members.")] = 0,
    what_if: Annotated[
        Path | None,
        typer.Option("--what-if", exists=True, dir_okay=False, help="What shall be different: a .json or .toml file (docs/rehearse.md)."),
    ] = None,
    at: Annotated[str, typer.Option("--at", help="Position to fork at, as an answer gave it; what is committed now when left out.")] = "",
    learn_at: Annotated[
        str, typer.Option("--learn-at", help="With --at: position up to which history is learnt, or now; the fork when left out.")
    ] = "",
    processes: Annotated[int, typer.Option("--processes", min=0, max=64, help="Processes to share the runs among; 0 for one a core.")] = 0,
    tenant: Annotated[str, typer.Option("--tenant", envvar="WHIMBREL_TENANT", help="Tenant whose waves they are.")] = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Fork live state and run the waves in virtual time, with durations and failures as the log has seen them. Nothing is written.

    Waves that were only planned are started at the fork. Exit code 1 when a run had to be cut off, 4 when a wave cannot be started.

    Example: whimbrel rehearse wave shops --seed 7 --what-if freeze.toml
    """
    from libs.cli import rehearsing_work

    asked = rehearsing_work.Asked(tuple(names or ()), everything, seed, runs, what_if, at, learn_at, processes, tenant)
    rehearsing_work.rehearse_waves(asked, data_dir, as_json)
