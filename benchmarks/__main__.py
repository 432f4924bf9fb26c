"""Run the benchmarks: `python -m benchmarks [--only lifecycle,loop]`. One JSON line each."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import decide, lifecycle, loop, project, query, restart
from benchmarks.report import show
from deploy.embedded.errors import StackError
from deploy.embedded.stack import Stack

ON_STACK: dict[str, Callable[[Stack], dict[str, Any]]] = {
    "loop": loop.run,
    "project": project.run,
    "query": query.run,
    "restart": restart.run,
    "lifecycle": lifecycle.run,
}
NAMES = ("decide", *ON_STACK, "lifecycle_fsync")


def main() -> int:
    """Run what was picked, each in a process and on a stack of its own, so that none inherits another's caches."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"comma-separated: {', '.join(NAMES)}")
    wanted = [name for name in parser.parse_args().only.split(",") if name] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are: {', '.join(NAMES)}")
    if len(wanted) > 1:
        return max(subprocess.call([sys.executable, "-m", "benchmarks", "--only", name]) for name in wanted)
    try:
        show(_run(wanted[0]))
    except StackError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 3
    return 0


def _run(name: str) -> dict[str, Any]:
    if name == "decide":
        return decide.run()
    if name == "lifecycle_fsync":
        with Stack.ephemeral(fsync=True, kafka_fsync=True) as stack:
            return lifecycle.run(stack, kafka_fsync=True)
    with Stack.ephemeral(fsync=True) as stack:
        return ON_STACK[name](stack)


if __name__ == "__main__":
    sys.exit(main())
