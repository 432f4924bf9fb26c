"""`whimbrel up`, `down`, `status`: real servers and the six services on this machine, without containers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.live import Live
from rich.table import Table

from deploy.embedded import client
from deploy.embedded.settings import StackSettings
from deploy.embedded.state import ComponentState, StackState
from libs.cli.connection import DataDir
from libs.cli.output import AsJson, one_line_errors, out, print_json, say, talk
from libs.cli.text import duration, show, table

PANEL = "The stack on this machine"
_DEFAULTS = StackSettings()


def _port(name: str, what: str) -> object:
    variable = f"WHIMBREL_{name.upper()}_PORT"
    return typer.Option(f"--{name}-port", envvar=variable, min=0, max=65535, help=f"Port of {what}; 0 picks a free one.")


KafkaPort = Annotated[int, _port("kafka", "Kafka")]
RegistryPort = Annotated[int, _port("registry", "the schema registry")]
PostgresPort = Annotated[int, _port("postgres", "PostgreSQL")]
HttpPort = Annotated[int, _port("http", "the HTTP API")]
Prefix = Annotated[str, typer.Option("--prefix", envvar="WHIMBREL_PREFIX", help="First part of every topic name.")]
Partitions = Annotated[
    int,
    typer.Option(
        "--partitions", envvar="WHIMBREL_PARTITIONS", min=1, max=512, help="Partitions of each topic, fixed with the first start."
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file", exists=True, dir_okay=False, resolve_path=True, help="NAME=value lines that the services get, e.g. SHOP_DSN=..."
    ),
]
ServersOnly = Annotated[bool, typer.Option("--servers-only", help="Kafka, PostgreSQL and the registry without the services.")]
Fsync = Annotated[bool, typer.Option("--fsync/--no-fsync", envvar="WHIMBREL_FSYNC", help="PostgreSQL forces commits to disk.")]
KafkaFsync = Annotated[bool, typer.Option("--kafka-fsync", envvar="WHIMBREL_KAFKA_FSYNC", help="Kafka forces every write to disk.")]
ExtraPostgres = Annotated[
    list[str], typer.Option("--extra-postgres", metavar="NAME[=PORT]", help="One more PostgreSQL server; repeatable.")
]


def register(app: typer.Typer) -> None:
    """Add the three commands to the `whimbrel` command."""
    for command in (up, down, status):
        app.command(rich_help_panel=PANEL)(command)


def up(
    data_dir: DataDir = Path(".whimbrel"),
    kafka_port: KafkaPort = _DEFAULTS.kafka_port,
    registry_port: RegistryPort = _DEFAULTS.registry_port,
    postgres_port: PostgresPort = _DEFAULTS.postgres_port,
    http_port: HttpPort = _DEFAULTS.http_port,
    prefix: Prefix = _DEFAULTS.prefix,
    partitions: Partitions = _DEFAULTS.partitions,
    env_file: EnvFile = None,
    servers_only: ServersOnly = False,
    fsync: Fsync = True,
    kafka_fsync: KafkaFsync = False,
    extra_postgres: ExtraPostgres = [],  # noqa: B006 - typer copies it
    as_json: AsJson = False,
) -> None:
    """Start Kafka, PostgreSQL, the schema registry and the services in the background; return once all are healthy."""
    with one_line_errors(as_json):
        settings = _settings(
            kafka_port=kafka_port,
            registry_port=registry_port,
            postgres_port=postgres_port,
            http_port=http_port,
            prefix=prefix,
            partitions=partitions,
            env_file=env_file,
            services=not servers_only,
            fsync=fsync,
            kafka_fsync=kafka_fsync,
            extra_postgres=dict(map(_named_port, extra_postgres)),
        )
        with progress(as_json) as (say, watch):
            state = client.up(data_dir, settings, say, watch)
        if as_json:
            print(client.report(data_dir).model_dump_json())
        else:
            for name, url in state.urls.items():
                out().print(f"{name:10} {url}", soft_wrap=True)


def status(data_dir: DataDir = Path(".whimbrel"), as_json: AsJson = False) -> None:
    """Show each component: state, process, port, uptime, restarts, memory. Exit code 1 unless all are healthy."""
    with one_line_errors(as_json):
        found = client.report(data_dir)
        if as_json:
            print(found.model_dump_json())
        elif not found.running:
            out().print(f"not running in {found.data_dir}: start it with whimbrel up", soft_wrap=True)
        else:
            show(out(), _status_table(found.components))
    raise typer.Exit(0 if found.healthy else 1)


def down(data_dir: DataDir = Path(".whimbrel"), as_json: AsJson = False) -> None:
    """Stop everything that `up` started; the data stays. Fine when nothing runs."""
    with one_line_errors(as_json):
        was_running = client.down(data_dir)
        if as_json:
            print_json({"was_running": was_running})
        else:
            out().print("stopped" if was_running else "was not running")


def _settings(**chosen: object) -> StackSettings:
    try:
        return StackSettings.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(f"{where}: {first['msg']}" if where else first["msg"]) from None


def _named_port(given: str) -> tuple[str, int]:
    name, _, port = given.partition("=")
    if not name.isidentifier() or (port and not port.isdecimal()):
        raise typer.BadParameter(f"--extra-postgres {given}: write NAME or NAME=PORT, for example source=15433")
    return name, int(port or 0)


Watch = Callable[[StackState], None]


@contextmanager
def progress(quiet: bool) -> Iterator[tuple[Callable[[str], None], Watch]]:
    """How a start is shown: a live table on a terminal, a line per change elsewhere, nothing with --json."""
    if quiet:
        yield (lambda _: None), (lambda _: None)
    elif talk().is_terminal:
        with Live(console=talk(), refresh_per_second=10) as live:
            yield live.console.print, lambda state: live.update(_start_table(state.components))
    else:
        shown: dict[str, str] = {}

        def watch(state: StackState) -> None:
            for one in state.components:
                if shown.get(one.name) != (word := _word(one)):
                    shown[one.name] = word
                    say(f"{one.name}: {word}")

        yield say, watch


def _word(state: ComponentState) -> str:
    return "ready" if state.started else "starting" if state.pid else "waiting"


def _start_table(components: list[ComponentState]) -> Table:
    grid = Table.grid(padding=(0, 2))
    colours = {"ready": "green", "starting": "yellow", "waiting": "dim"}
    for one in components:
        word = _word(one)
        grid.add_row(one.name, f"[{colours[word]}]{word}", f"port {one.port}" if one.port else "")
    return grid


def _status_table(components: list[client.ComponentReport]) -> Table:
    made = table("component", "state", "pid", "port", "uptime", "restarts", "memory")
    for one in components:
        made.add_row(
            one.name,
            f"[{'green' if one.state == 'healthy' else 'red'}]{one.state}",
            str(one.pid or "-"),
            str(one.port or "-"),
            "-" if one.uptime_seconds is None else duration(one.uptime_seconds * 1_000),
            str(one.restarts),
            "-" if one.rss_bytes is None else f"{one.rss_bytes // 1024**2} MiB",
        )
    return made
