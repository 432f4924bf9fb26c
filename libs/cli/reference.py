"""The reference page of the command line, made from the application: `python -m libs.cli.reference` writes docs/cli.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from libs.cli.app import application
from libs.cli.errors import MEANING

PAGE = Path(__file__).resolve().parents[2] / "docs/cli.md"
_HEAD = """# The `whimbrel` command

Made from the application by `python -m libs.cli.reference`; a test fails when they differ.

* Data goes to stdout, talk to stderr. `--json` gives one JSON document (for events: one a line); progress is shown only on a terminal.
* The API is found by `--url` and `--token`, else by `WHIMBREL_URL` and `WHIMBREL_TOKEN`, else it is that of the stack that runs in the
  data directory, for which a token is made.
* Commands carry an `Idempotency-Key` and are repeated when the API is away for a moment; they take effect once.
* Dangerous commands ask for the id; `--yes` answers, `--no-input` refuses. `NO_COLOR` is honoured.
* Secrets are never given on the command line, only by reference: `env:NAME` or `file:PATH`, read by the workers.

| exit code | meaning |
| --- | --- |
"""


def page() -> str:
    """The whole page."""
    codes = "".join(f"| {int(code)} | {meaning} |\n" for code, meaning in MEANING.items())
    return _HEAD + codes + "".join(_command(typer.main.get_command(application()), "whimbrel"))


def _command(command: Any, name: str) -> Iterator[str]:
    subs = getattr(command, "commands", None)
    if subs is not None:
        for sub_name, sub in subs.items():
            yield from _command(sub, f"{name} {sub_name}")
        return
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
    usage = " ".join([name, *[f"{one.metavar or one.name.upper()}" for one in arguments]])
    yield f"\n## {name}\n\n```\n{usage}{' [options]' if options else ''}\n```\n\n"
    yield "\n\n".join(_paragraphs(command.help or "")) + "\n"
    yield from _arguments(arguments)
    yield from _options(options)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of a help text; an example becomes code."""
    found = [" ".join(part.split()) for part in text.split("\n\n")]
    return [f"```\n{part.removeprefix('Example: ')}\n```" if part.startswith("Example: ") else part for part in found]


def _arguments(arguments: list[Any]) -> Iterator[str]:
    if any(one.help for one in arguments):
        yield "\n" + "".join(f"* `{one.metavar or one.name.upper()}`: {one.help}\n" for one in arguments if one.help)


def _options(options: list[Any]) -> Iterator[str]:
    if options:
        yield "\n| option | variable | default | |\n| --- | --- | --- | --- |\n"
    for one in options:
        names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
        variable = f"`{one.envvar}`" if one.envvar else ""
        yield f"| {names} | {variable} | {_default(one)} | {'required. ' if one.required else ''}{one.help or ''} |\n"


def _default(option: Any) -> str:
    value = option.default
    if option.required:
        return ""
    if option.is_flag and option.secondary_opts:
        return f"`{(option.opts if value else option.secondary_opts)[0]}`"
    shown = ", ".join(value) if isinstance(value, list) else value
    return "" if option.is_flag or value in (None, "", [], ()) else f"`{shown}`"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
