"""Write the contract files that are committed: `python -m libs.edge.publish`. A test fails when they differ from the code."""

from pathlib import Path

from libs.contracts.avro import ROOT
from libs.edge.openapi import document, migration_request_schema, rendered
from libs.edge.problem_types import PROBLEMS, page
from libs.edge.table import ROUTES


def files() -> dict[Path, bytes]:
    """Every generated file and its content."""
    found = {
        ROOT / "schemas/openapi.json": rendered(document(ROUTES)),
        ROOT / "schemas/migration-request.schema.json": rendered(migration_request_schema()),
    }
    return found | {ROOT / f"docs/problems/{kind.code}.md": page(kind).encode() for kind in PROBLEMS.values()}


def main() -> None:
    """Write them all."""
    for path, content in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
