"""Every link between the pages of the project leads somewhere (O21)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere_O21(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]

    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_page_is_found_from_the_readme_O21() -> None:
    found, left = set[Path](), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page in found:
            continue
        found.add(page)
        targets = [
            (page.parent / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")) if ":" not in link
        ]
        left += [one for target in targets for one in (target.glob("*.md") if target.is_dir() else [target]) if one in PAGES]

    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in found] == []
