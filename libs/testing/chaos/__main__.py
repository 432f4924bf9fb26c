"""Kill things under load and count: `python -m libs.testing.chaos --kills 40 --seed 1`. The last line is one JSON object."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from libs.testing.chaos.run import Plan, run


def main() -> int:
    """Exit status 0 when the checker finds nothing, 1 when it finds something."""
    parser = argparse.ArgumentParser(prog="python -m libs.testing.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=40, help="how many processes to kill")
    parser.add_argument("--seed", type=int, default=1, help="seed of load and faults")
    parser.add_argument("--migrations", type=int, default=0, help="how many migrations to request; 0 for as many as the faults last")
    parser.add_argument("--rate", type=float, default=40.0, help="migrations requested each second")
    parser.add_argument("--settle", type=float, default=180.0, help="how many seconds without an event end the run after the last fault")
    parser.add_argument("--home", type=Path, help="where logs, journal and effects are kept; a temporary directory otherwise")
    given = parser.parse_args()
    plan = Plan(given.kills, given.seed, given.rate, given.migrations, given.settle, say=lambda line: print(line, flush=True))
    with ExitStack() as held:
        home = given.home or Path(held.enter_context(TemporaryDirectory(prefix="whimbrel-chaos-")))
        home.mkdir(parents=True, exist_ok=True)
        result = run(plan, home.resolve())
    for anomaly, examples in result.evidence.findings.examples.items():
        print(f"{anomaly}: {result.evidence.findings.counts[anomaly]}, e.g.", *examples, sep="\n  ")
    print(json.dumps(result.line))
    return 0 if result.evidence.findings.clean else 1


if __name__ == "__main__":
    sys.exit(main())
