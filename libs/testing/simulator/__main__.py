"""Run seeds and say which one fails: `python -m libs.testing.simulator --seeds 1000 [--seed N] [--trace]`."""

import argparse
import sys

from libs.testing.simulator.invariants import Violation
from libs.testing.simulator.simulation import Simulation
from libs.testing.simulator.trace import lines


def main() -> int:
    """0 when every seed holds, 1 with the first seed that does not."""
    parser = argparse.ArgumentParser(prog="python -m libs.testing.simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds to run, from --first on")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one seed and print its log")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds) if arguments.seed is None else [arguments.seed]
    for seed in seeds:
        simulation = Simulation(seed)
        try:
            simulation.run()
        except Violation as violation:
            print(*lines(simulation.log), f"seed {seed}: {violation}", sep="\n")
            return 1
        if arguments.seed is not None:
            print(*lines(simulation.log), sep="\n")
    print(f"{len(seeds)} seeds, every invariant held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
