"""The writing application of the demonstration, when it is stopped while its database does not answer (O16)."""

from pathlib import Path

import pytest

from deploy.embedded.ports import free_port
from libs.cli.demo.shop import open_shop
from libs.cli.errors import CliError
from libs.testing.waiting import wait_until


def nowhere() -> str:
    return f"postgres://whimbrel@127.0.0.1:{free_port()}/shop"


def test_it_stops_without_an_answer_and_promises_nothing_that_was_not_acknowledged(tmp_path: Path) -> None:
    with open_shop(nowhere(), "shop", 50, tmp_path / "journal") as shop:
        wait_until(lambda: shop.refused > 3, "the server has refused")

    assert (shop.writes, shop.promised) == (0, [])


def test_ctrl_c_is_not_hidden_by_an_application_that_could_not_go_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_shop(nowhere(), "shop", 50, tmp_path / "no folder" / "journal"):
        raise KeyboardInterrupt

    with pytest.raises(CliError, match="could not go on"), open_shop(nowhere(), "shop", 50, tmp_path / "no folder" / "journal"):
        pass
