"""What somebody else ended or deleted meanwhile does not keep a rollback from taking back the rest (O9)."""

import pytest
from aiohttp import web

from deploy.embedded.ports import free_port
from libs.contracts.migration.plan import ACT
from libs.providers.aws_mgn.options import Desk
from libs.providers.aws_mgn.ports.http import ask
from libs.providers.base import ProviderError
from libs.testing.aws_fleet import Machine, carry_out, planned, take_back
from libs.testing.aws_move import AwsMove, seen
from libs.testing.provider_driver import Driver
from tests.integration.aws.conftest import Moving


async def at_the_cutover(move: AwsMove) -> Driver:
    driver = await planned(Machine(move.provider, move.request))
    for step in driver.reversible():
        await carry_out(driver, step)
    return driver


async def test_what_others_were_told_is_taken_back_though_the_new_instance_has_ended_O9(cloud: Moving) -> None:
    async with cloud() as move:
        before, driver = seen(move.world), await at_the_cutover(move)
        for key, one in list(move.world.books.all("instance")):
            if one["stage"] == "CUTTING_OVER":
                move.world.books.put("instance", key, {**one, "gone_at": move.world.now})

        await take_back(driver, driver.reversible())

        assert move.leaks() == []
        assert seen(move.world) == before


async def test_what_outlives_a_source_server_that_was_deleted_is_taken_back_O9(cloud: Moving) -> None:
    async with cloud(options={"dns": None, "cmdb": None}) as move:
        before, driver = seen(move.world), await at_the_cutover(move)
        _delete_source_server(move)

        await take_back(driver, driver.reversible())

        assert move.leaks() == []
        assert seen(move.world) == before


@pytest.mark.parametrize("name", ["switch_dns", "update_cmdb"])
async def test_what_cannot_be_put_back_without_it_is_said_and_not_called_undone_O9(cloud: Moving, name: str) -> None:
    async with cloud() as move:
        driver = await at_the_cutover(move)
        _delete_source_server(move)
        [step] = [step for step in driver.reversible() if step.kind == ACT and step.name == name]

        with pytest.raises(ProviderError, match="source_server_missing") as raised:
            await take_back(driver, [step])

        assert not raised.value.retryable
        assert "by hand" in raised.value.problem.remedy


def _delete_source_server(move: AwsMove) -> None:
    for key, server in list(move.world.books.all("server")):
        move.world.books.remove("template", server["template"])
        move.world.books.remove("server", key)


@pytest.mark.parametrize("status", [404, 410])
async def test_an_order_that_is_not_there_needs_no_withdrawal_O9(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(request: web.Request) -> web.Response:
        return web.Response(status=status)

    port, app = free_port(), web.Application()
    app.router.add_route("*", "/{id}", gone)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("WHIMBREL_PORT_URLS", url)
    try:
        assert await ask("DELETE", Desk(url=url, tenant="acme"), "acme.mig-1", {}, who="agents", fence=2) is None
        with pytest.raises(ProviderError, match="agents_refused"):
            await ask("PUT", Desk(url=url, tenant="acme"), "acme.mig-1", {}, who="agents", fence=2)
    finally:
        await runner.cleanup()
