"""docs/invariants.md names exactly the invariants that are checked, and the tests that it names do."""

import re

from libs.contracts.avro import ROOT

PAGE = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
TESTS = ROOT / "tests" / "unit" / "domain"
ROWS = dict(re.findall(r"^\| (I\d+) \| (.*) \|$", PAGE, flags=re.MULTILINE))


def test_every_invariant_that_is_checked_is_on_the_page_and_the_reverse_R8() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "libs" / "testing" / "simulator").glob("*.py")]
    checked = {code for source in sources for code in re.findall(r'"(I\d+)"', source)}

    assert set(ROWS) == checked == {f"I{number}" for number in range(1, len(ROWS) + 1)}


def test_the_tests_it_names_exist_and_name_it_R8() -> None:
    for code, row in ROWS.items():
        for name in re.findall(r"`(test_\w+\.py)`", row):
            assert re.search(rf"\b{code}\b|_{code}\b|_{code}_", (TESTS / name).read_text(encoding="utf-8")), f"{name} does not name {code}"


def test_every_invariant_finds_a_planted_defect_R8() -> None:
    planted = (TESTS / "test_simulator_finds_defects.py").read_text(encoding="utf-8")

    assert {code for code in ROWS if re.search(rf"\b{code}\b", planted)} == set(ROWS)
