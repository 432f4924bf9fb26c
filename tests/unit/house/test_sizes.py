"""The house stays readable: sizes of modules and functions, and what every package says of itself."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE_LINES, SUITE_LINES, FUNCTION_LINES, MAIN_LINES, RUNTIME_LINES = 300, 400, 45, 50, 2_050
CODE = ("libs", "services", "deploy", "benchmarks")
MODULES = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_is_short_and_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert lines(path) <= (SUITE_LINES if "testing" in path.parts else MODULE_LINES)
    if tree.body:
        assert ast.get_docstring(tree), "a module begins with a sentence about its reason to exist"


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    functions = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f"{f.name}: {f.end_lineno - f.lineno + 1}" for f in functions if f.end_lineno and f.end_lineno - f.lineno >= FUNCTION_LINES]

    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_what_is_public_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not n.name.startswith("_")]

    assert [node.name for node in public if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "services").glob("*/__main__.py")), ids=named)
def test_the_wiring_of_a_service_fits_on_one_screen(path: Path) -> None:
    assert lines(path) <= MAIN_LINES


def test_the_runtime_stays_small() -> None:
    assert sum(lines(path) for path in (ROOT / "libs" / "runtime").glob("*.py")) <= RUNTIME_LINES


def test_nothing_is_called_utils() -> None:
    assert [path for path in MODULES if path.stem in {"utils", "helpers", "common", "misc"}] == []


def test_no_file_names_a_machines_paths_or_a_registrys_host() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    words = ["/" + "root/", "/" + "work/", "pypi" + ".org", "registry.npmjs" + ".org", "repo1.maven" + ".org", "repo.maven" + ".apache"]
    found = []
    for name in tracked:
        path = ROOT / name
        if path.is_file() and path.stat().st_size < 1_000_000:
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{name}: {word}" for word in words if word in text]

    assert found == []
