"""`whimbrel config`: what is set, where it comes from, and which variables nothing reads."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from deploy.embedded.install import MIRROR_VARIABLE
from deploy.embedded.services import read_env_file
from deploy.embedded.settings import ENVIRONMENT, credential_dir
from deploy.embedded.stack import CONNECTIONS
from libs.cli.connection import DEFAULT_DIR, DataDir, running
from libs.cli.errors import CliError, Exit
from libs.cli.output import AsJson, one_line_errors, out, print_json
from libs.cli.text import rows, table
from libs.cli.text import show as show_table

PREFIX = "WHIMBREL_"
MISSING = "missing"
"""What is shown for a setting that has no default and is not given."""
_SECRET = ("password", "secret", "token", "dsn", "key")
_HIDDEN = "[redacted]"
_READ_ELSEWHERE = {"WHIMBREL_DEBUG", "WHIMBREL_WEBHOOK_SECRET", MIRROR_VARIABLE}
"""By the command itself, by examples of steps of one's own, by the installation of the stack."""


def register(app: typer.Typer, panel: str) -> None:
    """Add `config` to the `whimbrel` command."""
    group = typer.Typer(help="What is set, and where it comes from.", no_args_is_help=True)
    group.command("show")(config_show)
    app.add_typer(group, name="config", rich_help_panel=panel)


def config_show(context: typer.Context, data_dir: DataDir = DEFAULT_DIR, as_json: AsJson = False) -> None:
    """Show every setting of the services with its value and source; secrets are hidden. Unknown WHIMBREL_ variables are named."""
    with one_line_errors(as_json):
        stack = _of_stack(data_dir)
        found = [*_settings(stack), *_of_providers(stack)]
        known = {one["variable"] for one in found} | set(_of_commands(context.find_root().command)) | _of_demo() | _READ_ELSEWHERE
        found += [_unknown(name, known) for name in sorted(os.environ) if name.startswith(PREFIX) and name not in known]
        if as_json:
            print_json(found)
        else:
            show_table(out(), rows(table("variable", "value", "source", "meaning"), [list(one.values()) for one in found]))


def _settings(stack: dict[str, Any]) -> Iterator[dict[str, str]]:
    from libs.edge.settings import IngressSettings  # what ingress and the notifier import takes 0.3 s
    from libs.runtime.errors import WhimbrelError
    from libs.runtime.settings import load
    from libs.telling.settings import NotifierSettings

    seen = set[str]()
    for model in (IngressSettings, NotifierSettings):
        try:
            settings = load(model, **({} if "WHIMBREL_ENVIRONMENT" in os.environ else {"environment": MISSING}))
        except WhimbrelError as error:
            raise CliError(str(error), Exit.USAGE) from error
        for name, field in model.model_fields.items():
            if name not in seen:
                yield _shown(name, getattr(settings, name), stack, field.description or "")
        seen |= model.model_fields.keys()


def _of_providers(stack: dict[str, Any]) -> Iterator[dict[str, str]]:
    from libs.providers.variables import VARIABLES

    for variable, meaning in VARIABLES.items():
        yield _shown(variable.removeprefix(PREFIX).lower(), os.environ.get(variable, ""), stack, meaning)


def _shown(name: str, value: Any, stack: dict[str, Any], meaning: str) -> dict[str, str]:
    variable = PREFIX + name.upper()
    if variable in os.environ:
        source = "environment"
    elif name in stack:
        source, value = "local stack", stack[name]
    else:
        source = MISSING if value == MISSING else "default"
    return {"variable": variable, "value": redacted(name, value), "source": source, "meaning": meaning}


def _unknown(variable: str, known: set[str]) -> dict[str, str]:
    meant = get_close_matches(variable, known, 1)
    return {
        "variable": variable,
        "value": _HIDDEN,
        "source": "unknown",
        "meaning": f"nothing reads it{f'; is it {meant[0]}?' if meant else ''}",
    }


def _of_commands(command: Any) -> Iterator[str]:
    """Variables that options of the commands may be given by."""
    yield from (one.envvar for one in command.params if isinstance(one.envvar, str))
    for sub in getattr(command, "commands", {}).values():
        yield from _of_commands(sub)


def _of_demo() -> set[str]:
    from libs.cli.demo.settings import DemoSettings

    return {PREFIX + name.upper() for name in DemoSettings.model_fields}


def _of_stack(data_dir: Path) -> dict[str, Any]:
    """What the running stack gives its services."""
    try:
        state = running(data_dir)
    except CliError:
        return {}
    urls, chosen, root = state.urls, state.settings, data_dir.resolve()
    found = {name: urls[name] for name in ("kafka", "registry", "postgres")}
    found["environment"] = read_env_file(chosen.env_file).get("WHIMBREL_ENVIRONMENT", ENVIRONMENT)
    found |= {"credential_dir": str(credential_dir(root)), "connection_dir": str(root / CONNECTIONS)}
    return found | {"prefix": chosen.prefix, "partitions": chosen.partitions, "http_port": chosen.http_port, "data_dir": root}


def redacted(name: str, value: Any) -> str:
    """A value fit to be shown: secrets are hidden, passwords are taken out of addresses."""
    text = "" if value is None else str(value)
    if any(word in name for word in _SECRET) and not name.endswith("_file") and text:
        return _HIDDEN
    scheme, mark, rest = text.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{user.partition(':')[0]}:{_HIDDEN}@{host}" if mark and at and ":" in user else text
