"""Move a fleet on the stand-in cloud, interrupt everything, and judge: `python -m libs.testing.drill --servers 50 --waves 5 --interrupts 10`.

The last line is one JSON object.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from libs.testing.drill.plan import Plan
from libs.testing.drill.report import clean, line, table
from libs.testing.drill.run import run


def main() -> int:
    """Exit status 0 when nothing is wrong, 1 when something is."""
    parser = argparse.ArgumentParser(prog="python -m libs.testing.drill", description=__doc__)
    parser.add_argument("--servers", type=int, default=50)
    parser.add_argument("--waves", type=int, default=5)
    parser.add_argument("--interrupts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=float, default=3_600.0, help="seconds after which a drill that does not end is given up")
    parser.add_argument("--home", type=Path, help="where logs and books are kept; a temporary directory otherwise")
    given = parser.parse_args()
    if given.servers < given.waves or given.waves < 1 or given.interrupts < 0:
        parser.error("there must be a wave, as many servers as waves at least, and no less than no interrupts")
    plan = Plan(given.servers, given.waves, given.interrupts, given.seed, given.most, say=lambda said: print(said, flush=True))
    with ExitStack() as held:
        home = given.home or Path(held.enter_context(TemporaryDirectory(prefix="whimbrel-drill-")))
        home.mkdir(parents=True, exist_ok=True)
        ran = run(plan, home.resolve())
    result = line(given.servers, ran.story, ran.findings, ran.rehearsed, ran.actual_s)
    print(*table(ran.story, ran.findings, ran.counted), sep="\n")
    print(json.dumps(result))
    return 0 if clean(result, ran.findings) else 1


if __name__ == "__main__":
    sys.exit(main())
