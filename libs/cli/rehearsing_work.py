"""What `whimbrel rehearse` does. Apart from its options, because Kafka's client takes a second to import."""

import json
import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import typer
from confluent_kafka import KafkaException
from rich.progress import BarColumn, Progress, TextColumn

from libs.cli.errors import CliError, Exit
from libs.cli.output import next_command, one_line_errors, print_json, talk
from libs.cli.rehearsal_view import shown
from libs.cli.servers import settings_of
from libs.cli.text import number
from libs.readmodel.errors import InvalidQuery
from libs.readmodel.position import parse
from libs.rehearse.fork import UnknownWave
from libs.rehearse.log import BadPosition, Source, Span
from libs.rehearse.rehearsing import Question, TooMany, rehearse
from libs.rehearse.what_if import BadWhatIf
from libs.rehearse.world import CannotStart
from libs.runtime.errors import WhimbrelError

MOST_BYTES = 4 << 20
_NOW = "now"


class Asked(NamedTuple):
    """The options of the command."""

    names: tuple[str, ...]
    everything: bool
    seed: int
    runs: int
    what_if: Path | None
    at: str
    learn_at: str
    processes: int
    tenant: str


def rehearse_waves(asked: Asked, data_dir: Path, as_json: bool) -> None:
    """Rehearse and show the answer."""
    with one_line_errors(as_json), _faults(asked):
        if bool(asked.names) == asked.everything:
            raise CliError("it is not said which waves", Exit.USAGE, "name them, or give --all")
        question = Question(
            waves=tuple(dict.fromkeys(asked.names)),
            seed=asked.seed,
            runs=asked.runs,
            span=_span(asked),
            what_if=_data(asked.what_if) if asked.what_if else None,
            processes=asked.processes or os.cpu_count() or 1,
        )
        settings = settings_of(data_dir)
        with _progress() as told:
            answer = rehearse(Source(settings.kafka, settings.registry, settings.prefix, asked.tenant), question, told)
        if as_json:
            print_json(answer)
        else:
            shown(answer)
            next_command(f"whimbrel rehearse wave {' '.join(asked.names) or '--all'} --seed {asked.seed} --what-if FILE")
    raise typer.Exit(Exit.FAILED if answer["truncated"] else Exit.OK)


def _span(asked: Asked) -> Span:
    if asked.learn_at and not asked.at:
        raise CliError("--learn-at goes with --at", Exit.USAGE, "say where the log is forked")
    at = parse(asked.at, "--at") if asked.at else None
    learn_at = parse(asked.learn_at, "--learn-at") if asked.learn_at not in ("", _NOW) else None
    return Span(at, learn_at, asked.learn_at == _NOW)


def _data(path: Path) -> Any:
    """Plain data of a file. Raises CliError."""
    if path.suffix not in (".json", ".toml"):
        raise CliError(f"{path.name} is neither .json nor .toml", Exit.USAGE, "name it so that its format is known")
    if path.stat().st_size > MOST_BYTES:
        raise CliError(f"{path.name} has {number(path.stat().st_size)} bytes", Exit.USAGE, f"give at most {number(MOST_BYTES)}")
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CliError(f"{path.name} is no {path.suffix[1:].upper()}: {error}", Exit.USAGE) from error


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar while a person waits; silent elsewhere."""
    console = talk()
    if not console.is_terminal:
        yield lambda what, done, of: None
        return
    with Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True) as progress:
        task = progress.add_task("reading the log", total=None)
        yield lambda what, done, of: progress.update(
            task, description=f"{number(done)} {what}" + (f" of {number(of)}" if of else ""), completed=done, total=of or None
        )


@contextmanager
def _faults(asked: Asked) -> Iterator[None]:
    try:
        yield
    except BadWhatIf as error:
        raise CliError(f"{asked.what_if.name if asked.what_if else 'what-if'}: {error}", Exit.USAGE) from error
    except (BadPosition, TooMany) as error:
        raise CliError(str(error), Exit.USAGE) from error
    except InvalidQuery as error:
        raise CliError(f"{error.field}: {error}", Exit.USAGE) from error
    except UnknownWave as error:
        raise CliError(str(error.args[0]), Exit.NOT_FOUND, "see whimbrel wave list") from error
    except CannotStart as error:
        raise CliError(str(error), Exit.REFUSED, "nothing was rehearsed") from error
    except KafkaException as error:
        raise CliError(
            f"the log cannot be read: {error.args[0].str()}", Exit.ENVIRONMENT, "check whimbrel status, or WHIMBREL_KAFKA"
        ) from error
    except (WhimbrelError, TimeoutError) as error:
        raise CliError(f"the log cannot be read: {error}", Exit.ENVIRONMENT) from error
