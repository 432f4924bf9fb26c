"""`make run`, `make bench` and `make chaos` install the run-time packages only."""

import subprocess
import sys

PROGRAMS = "benchmarks.__main__ benchmarks.lifecycle benchmarks.restart libs.cli.demo libs.testing.chaos.run libs.testing.chaos.flood"
BLOCKED = "pytest hypothesis schemathesis kafka avro testcontainers xdist"


def test_what_make_runs_imports_no_test_package_O21() -> None:
    lines = ["import sys", f"sys.modules.update(dict.fromkeys({BLOCKED.split()!r}))", *(f"import {name}" for name in PROGRAMS.split())]

    ended = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 0, ended.stderr
