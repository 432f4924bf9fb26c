"""Roll back a half-cut-over wave with a crash at every boundary: `python -m libs.testing.drill.boundaries --members 50`.

The last line is one JSON object; exit status 0 when every end is that of the uninterrupted run, and nothing is left.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter

from libs.testing.aws_move import environment
from libs.testing.drill.boundaries.enumerating import enumerate_all
from libs.testing.drill.boundaries.fleet import URL
from libs.testing.drill.boundaries.reach import without_wire
from libs.testing.virtual_time import run


def main() -> int:
    """Enumerate."""
    parser = argparse.ArgumentParser(prog="python -m libs.testing.drill.boundaries", description=__doc__)
    parser.add_argument("--members", type=int, default=50)
    members = parser.parse_args().members
    os.environ.update(environment(URL))
    began = time.process_time()
    with without_wire():
        found = run(enumerate_all(members, lambda said: print(said, flush=True)))
    for one in found.differing[:20]:
        print(one)
    line = {
        "members": members,
        "ends": dict(Counter(found.end["migrations"].values())),
        "work_items": found.items,
        "boundaries": found.boundaries,
        "differing_ends": len(found.differing),
        "leaked": len(found.end["leaks"]),
        "cpu_s": round(time.process_time() - began, 1),
    }
    print(json.dumps(line))
    return 1 if found.differing or found.end["leaks"] else 0


if __name__ == "__main__":
    sys.exit(main())
