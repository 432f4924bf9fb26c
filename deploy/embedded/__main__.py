"""Run one stack in the foreground until SIGTERM or Ctrl-C: python -m deploy.embedded --data-dir .whimbrel."""

import argparse
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - said clearly, before an import fails
    sys.exit("error: Whimbrel needs Python 3.11 or newer: run it with a newer interpreter")

from pydantic import ValidationError

from deploy.embedded.errors import StackError
from deploy.embedded.settings import StackSettings
from deploy.embedded.supervisor import Supervisor


def main() -> int:
    """Exit codes: 0 stopped as asked, 1 a component does not start, 2 wrong options, 3 the environment forbids it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path(".whimbrel"))
    parser.add_argument("--settings", default="{}", help="JSON object with fields of StackSettings")
    given = parser.parse_args()
    try:
        settings = StackSettings.model_validate_json(given.settings)
    except ValidationError as error:
        first = error.errors()[0]
        parser.error(f"--settings: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    try:
        Supervisor(given.data_dir, settings).run()
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
