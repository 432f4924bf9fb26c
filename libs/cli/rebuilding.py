"""`whimbrel rebuild`: read models made anew from the log."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from libs.cli.connection import DEFAULT_DIR, DataDir
from libs.cli.errors import CliError, Exit
from libs.cli.output import AsJson, one_line_errors, out, print_json, talk

if TYPE_CHECKING:
    from libs.readmodel.rebuild import Rebuilt
    from libs.runtime.settings import Settings


def rebuild_read_models(
    compare: Annotated[bool, typer.Option("--compare/--no-compare", help="Compare the new rows with the old before switching.")] = True,
    most: Annotated[int, typer.Option("--most", min=0, max=100_000, help="How many differing rows to print at most.")] = 100,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Build the read models anew from the log beside the live ones, compare, and switch. Readers see no gap.

    Exit code 1 when rows differ: the live ones were not what the log says (they are now).
    """
    from confluent_kafka import KafkaException

    from libs.cli.servers import settings_of
    from libs.runtime.errors import WhimbrelError
    from libs.runtime.sink import DATABASE_FAULTS
    from libs.runtime.telemetry import configure_logs

    configure_logs("cli", 0, "error")
    with one_line_errors(as_json):
        settings = settings_of(data_dir)
        try:
            with talk().status("building read models from the log"):
                done = asyncio.run(_rebuilt(settings, compare, most))
        except (WhimbrelError, KafkaException, *DATABASE_FAULTS) as error:
            raise CliError(
                f"the rebuild did not end: {type(error).__name__}: {error}", Exit.ENVIRONMENT, "the live read models are as before"
            ) from error
        if as_json:
            differences = [{"table": d.table, "key": list(d.key), "live": d.live, "rebuilt": d.rebuilt} for d in done.differences]
            print_json({"before": done.before, "after": done.after, "different": done.different, "differences": differences})
        else:
            for line in done.lines():
                out().print(line, markup=False)
    raise typer.Exit(Exit.FAILED if done.different else Exit.OK)


async def _rebuilt(settings: "Settings", compare: bool, most: int) -> "Rebuilt":
    from libs.readmodel.rebuild import rebuild
    from libs.readmodel.wiring import open_pool

    async with open_pool(settings.postgres, most=4) as pool:
        return await rebuild(settings, pool, compare=compare, most=most)
