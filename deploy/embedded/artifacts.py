"""The committed list of downloaded files and their SHA-256 sums (artifacts.sha256)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.errors import StackError

LIST = Path(__file__).with_name("artifacts.sha256")


@dataclass(frozen=True)
class Artifact:
    """One file of a Maven repository. `bundle` names the server it belongs to."""

    bundle: str
    sha256: str
    group: str
    name: str
    version: str
    classifier: str = ""
    packaging: str = "jar"

    def __str__(self) -> str:
        return ":".join(filter(None, (self.group, self.name, self.version, self.classifier, self.packaging)))


def read_artifacts(path: Path = LIST) -> list[Artifact]:
    """Read the list: a line is `bundle sha256 group:name:version[:classifier]:packaging`; `#` begins a comment."""
    return [_parse(line, path) for line in path.read_text().splitlines() if line and not line.startswith("#")]


def _parse(line: str, path: Path) -> Artifact:
    match line.split():
        case [bundle, sha256, coordinate]:
            match coordinate.split(":"):
                case [group, name, version, packaging]:
                    return Artifact(bundle, sha256, group, name, version, packaging=packaging)
                case [group, name, version, classifier, packaging]:
                    return Artifact(bundle, sha256, group, name, version, classifier, packaging)
    raise StackError(f"{path.name}: cannot read the line {line!r}: restore the file from the repository")


def fingerprint(artifacts: list[Artifact]) -> str:
    """A short name for exactly these files: another list is another installation."""
    return hashlib.sha256("".join(sorted(a.sha256 for a in artifacts)).encode()).hexdigest()[:12]


def sha256_of(path: Path) -> str:
    """The SHA-256 sum of a file, in hexadecimal."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
