"""What `whimbrel audit` does. Apart from its options, because Kafka's client takes a second to import."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import typer
from confluent_kafka import KafkaException
from rich.progress import Progress, SpinnerColumn, TextColumn

from libs.audit import auditing, bundle, keys, log, reconciling, seal
from libs.audit.envelopes import Envelopes, shipped
from libs.audit.findings import Findings
from libs.audit.record import LogRecord
from libs.cli.errors import CliError, Exit
from libs.cli.output import next_command, one_line_errors, out, print_json, say, talk
from libs.cli.servers import settings_of
from libs.cli.text import number
from libs.runtime.clock import now_us
from libs.runtime.errors import WhimbrelError

T = TypeVar("T")
SHOWN = 20


def verify(bundle_: Path | None, heads: Path | None, trust: str, data_dir: Path, as_json: bool) -> None:
    """Audit and show the report."""
    with one_line_errors(as_json), _faults():
        sealed = seal.Seal(heads, keys.public_key(trust) if trust else None) if heads else None
        with _counted() as told:
            report = auditing.audit_bundle(bundle_, sealed, told) if bundle_ else auditing.audit_log(_records(data_dir), sealed, told)
        _show(report, sealed, bool(trust), as_json)
    raise typer.Exit(Exit.OK if report.intact else Exit.FAILED)


def export_log(file: Path, data_dir: Path, as_json: bool) -> None:
    """Write an export."""
    with one_line_errors(as_json), _faults():
        settings = settings_of(data_dir)
        about = {"prefix": settings.prefix, "exported_at": now_us()}
        with _counted() as told:
            count = bundle.write(file, shipped(), _told(log.records(settings.kafka, settings.prefix), told), about)
        if as_json:
            print_json({"file": str(file), "events": count, "bytes": file.stat().st_size})
        else:
            out().print(f"{number(count)} events in {file} ({number(file.stat().st_size)} bytes)")
            next_command(f"whimbrel audit verify --bundle {file}")


def seal_log(file: Path, key: Path | None, data_dir: Path, as_json: bool) -> None:
    """Audit and seal."""
    with one_line_errors(as_json), _faults():
        settings = settings_of(data_dir)
        signer = keys.SealKey(key or data_dir / "seal.key")
        findings = Findings()
        auditor = auditing.Auditor(Envelopes(shipped()), findings)
        with _counted() as told:
            entries = auditing.entries_of(_told(log.records(settings.kafka, settings.prefix), told))
            chains = seal.write(file, signer, auditor.checks(entries), {"prefix": settings.prefix, "sealed_at": now_us()}, findings)
        if as_json:
            print_json({"file": str(file), "chains": chains, "public_key": signer.public.hex()})
        else:
            out().print(f"{number(chains)} chains sealed in {file}, signed by {signer.public.hex()}")
            next_command(f"whimbrel audit verify --heads {file} --trust {signer.public.hex()[:8]}...")


def outcomes(grace_s: float, data_dir: Path, as_json: bool) -> None:
    """Reconcile and show what was never answered."""
    with one_line_errors(as_json), _faults():
        settings, now = settings_of(data_dir), now_us() // 1_000
        with _counted() as told:
            read = [_told(log.records(settings.kafka, settings.prefix, topics), told) for topics in (log.COMMANDS, log.EVENTS, log.LETTERS)]
            commands, lost = reconciling.reconcile(*read, now_ms=now, grace_ms=int(grace_s * 1_000))
        if as_json:
            print_json({"commands": commands, "unanswered": [found._asdict() for found in lost]})
        elif not lost:
            out().print(f"[green]answered[/]  {number(commands)} client commands, each by an event or a dead letter")
        else:
            out().print(f"[red]unanswered[/]  {number(len(lost))} of {number(commands)} client commands, the oldest:")
            for found in lost[:SHOWN]:
                place = f"{found.topic}/{found.partition} at {found.offset}"
                out().print(f"  {place}: {found.command} {found.command_id} of {found.key}", markup=False)
    raise typer.Exit(Exit.FAILED if lost else Exit.OK)


def _records(data_dir: Path) -> Iterator[LogRecord]:
    settings = settings_of(data_dir)
    return log.records(settings.kafka, settings.prefix)


def _told(records: Iterable[T], told: Callable[[int], None]) -> Iterator[T]:
    for count, record in enumerate(records, 1):
        if count % 1_000 == 0:
            told(count)
        yield record


@contextmanager
def _counted() -> Iterator[Callable[[int], None]]:
    """A count that rises while a person waits; silent elsewhere."""
    console = talk()
    if not console.is_terminal:
        yield lambda count: None
        return
    columns = SpinnerColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console, transient=True) as progress:
        task, began = progress.add_task("reading the log"), time.monotonic()
        yield lambda count: progress.update(
            task, description=f"{number(count)} events, {number(count / max(time.monotonic() - began, 0.001))} a second"
        )


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except (bundle.NotAnExport, seal.BadSeal, keys.BadKey) as error:
        raise CliError(str(error), Exit.USAGE) from error
    except seal.NotIntact as error:
        raise CliError(str(error), Exit.FAILED, "see whimbrel audit verify; nothing was sealed") from error
    except KafkaException as error:
        raise CliError(
            f"the log cannot be read: {error.args[0].str()}", Exit.ENVIRONMENT, "check whimbrel status, or WHIMBREL_KAFKA"
        ) from error
    except (WhimbrelError, TimeoutError) as error:
        raise CliError(f"the log cannot be read: {error}", Exit.ENVIRONMENT) from error
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}", Exit.ENVIRONMENT) from error


def _show(report: auditing.Report, sealed: seal.Seal | None, trusted: bool, as_json: bool) -> None:
    speed = report.events / report.seconds if report.seconds else 0.0
    if as_json:
        counts = report._asdict() | {"findings": [found._asdict() for found in report.findings], "seconds": round(report.seconds, 3)}
        print_json(
            counts | {"intact": report.intact, "events_per_second": round(speed), "signed_by": sealed.public_key.hex() if sealed else None}
        )
        return
    what = f"{number(report.events)} events, {number(report.aggregates)} chains, {report.partitions} partitions, {number(speed)} events/s"
    if report.intact:
        out().print(f"[green]intact[/]  {what}")
    else:
        out().print(f"[red]broken[/]  {what}; {number(report.found)} findings, the first:")
        for found in report.findings[:SHOWN]:
            out().print(f"  {found}", markup=False)
    if sealed is None:
        say("the ends of the chains have no witness: give a seal with --heads to find a cut tail")
    elif not trusted:
        say(f"the seal is signed by {sealed.public_key.hex()}: compare that, or give the key you trust with --trust")
