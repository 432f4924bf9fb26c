"""The file of `whimbrel up --env-file`: variables for the workers, so that requests can refer to them."""

from pathlib import Path

import pytest

from deploy.embedded.errors import EnvironmentProblem
from deploy.embedded.services import read_env_file


def test_lines_become_variables(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("# databases\n\nSHOP_DSN=postgresql://me:p=w@db/shop\nexport NEW_DSN='postgresql://db/new'\nEMPTY=\n")

    assert read_env_file(path) == {"SHOP_DSN": "postgresql://me:p=w@db/shop", "NEW_DSN": "postgresql://db/new", "EMPTY": ""}


def test_no_file_means_no_variables() -> None:
    assert read_env_file(None) == {}


@pytest.mark.parametrize("line", ["nonsense", "a b=c", "=x"])
def test_another_line_is_named_and_its_content_is_not_repeated(tmp_path: Path, line: str) -> None:
    path = tmp_path / "env"
    path.write_text(f"A=1\n{line}\n")

    with pytest.raises(EnvironmentProblem, match="line 2 is not NAME=value") as raised:
        read_env_file(path)

    assert line not in str(raised.value)


def test_a_file_that_cannot_be_read_is_named_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="--env-file"):
        read_env_file(tmp_path / "missing")
