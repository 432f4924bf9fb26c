"""The list of shipped schema files: `schemas/released.sha256`. What is on it never changes again.

`python -m libs.testing.released` adds files that are new, and refuses when one that is listed has changed: that needs a
new version or a new record name. `--before-release` rewrites the list, which is right only while nobody runs a release.
"""

import hashlib
import sys
from pathlib import Path

from libs.contracts.avro import ROOT

LIST = ROOT / "schemas" / "released.sha256"


def files() -> dict[str, str]:
    """SHA-256 of every schema file, by path from the root of the repository."""
    paths = sorted((ROOT / "schemas").rglob("*.avsc"))
    return {path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def listed(path: Path = LIST) -> dict[str, str]:
    """What the list says, in the format of sha256sum; empty when there is none."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def edited(shipped: dict[str, str], present: dict[str, str]) -> list[str]:
    """Files that were shipped and are gone or no longer what they were."""
    return [name for name, digest in shipped.items() if present.get(name) != digest]


def main(arguments: list[str]) -> int:
    """0 when the list is up to date, 1 when a shipped file was edited."""
    present = files()
    wrong = [] if "--before-release" in arguments else edited(listed(), present)
    for name in wrong:
        print(f"{name} was shipped and must not change; write the next version beside it")
    if not wrong:
        LIST.write_text("".join(f"{digest}  {name}\n" for name, digest in present.items()), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
