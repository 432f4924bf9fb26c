"""Quotas, failed launches, stale snapshots, dead applications and other people's changes are said in words (O3, O6, O7, O11)."""

import pytest

from libs.contracts.migration.plan import Step
from libs.domain.migration.going_forward import flaw_of
from libs.providers.base import Fenced, NotYet, ProviderError
from libs.testing.aws_fleet import Machine, carry_out, fleet, planned, take_back
from libs.testing.cloud.chance import Rule
from libs.testing.provider_driver import Driver, no_progress
from tests.integration.aws.conftest import Moving


def step_of(driver: Driver, name: str) -> Step:
    return next(step for step in driver.plan.steps if step.name == name)


async def up_to(driver: Driver, name: str) -> Step:
    """Carry out everything before a step."""
    last = step_of(driver, name)
    for step in driver.plan.steps[: driver.plan.steps.index(last)]:
        await carry_out(driver, step)
    return last


async def test_the_replication_quota_makes_a_server_wait_until_a_place_is_free_O3(cloud: Moving) -> None:
    async with cloud(quota=1, agents="stopped") as move:
        first, second = [await planned(machine) for machine in fleet(move, 2)]
        await carry_out(first, await up_to(first, "start_replication"))
        last = await up_to(second, "start_replication")

        with pytest.raises(ProviderError) as refused:
            await move.provider.apply(second.work(last, "apply"), no_progress)
        await take_back(first, first.plan.steps[: first.plan.steps.index(last) + 1])
        await carry_out(second, last)

        assert (refused.value.problem.code, refused.value.retryable) == ("quota_exceeded", True)
        assert move.world.replicating() == 1


async def test_a_full_quota_refuses_the_move_that_asked_for_that_O3(cloud: Moving) -> None:
    async with cloud(quota=0, options={"quota": "refuse"}) as move:
        problems = (await move.provider.inspect(move.request)).problems

        assert ("replication_quota_full", "/options/quota") in [(one.code, one.field) for one in problems]


@pytest.mark.parametrize(
    ("script", "step", "code"),
    [
        ({"launch_failures": 1.0}, "test_launched", "launch_failed"),
        ({"stale_snapshots": 1.0}, "cutover_launched", "stale_snapshot"),
    ],
)
async def test_a_bad_launch_ends_the_attempt_O6(cloud: Moving, script: dict[str, float], step: str, code: str) -> None:
    async with cloud(**script) as move:
        driver = await planned(Machine(move.provider, move.request))
        last = await up_to(driver, step)

        with pytest.raises(ProviderError) as failed:
            await carry_out(driver, last)
        await take_back(driver, driver.plan.steps[: driver.plan.steps.index(last)])

        assert (failed.value.problem.code, failed.value.retryable, bool(failed.value.problem.remedy)) == (code, False, True)
        assert move.leaks() == []


async def test_an_application_that_does_not_answer_holds_the_test_up_O6(cloud: Moving) -> None:
    async with cloud(unhealthy=1.0) as move:
        driver = await planned(Machine(move.provider, move.request))
        last = await up_to(driver, "test_healthy")

        with pytest.raises(NotYet) as unhealthy:
            await move.provider.check(driver.work(last, "check"), no_progress)

        assert (unhealthy.value.problem.code, unhealthy.value.problem.category) == ("unhealthy", "verification")


async def test_a_look_that_goes_wrong_in_passing_is_repeated_within_the_attempt_O6(cloud: Moving) -> None:
    async with cloud(rules=(Rule(operation="DescribeSourceServers", fault="throttle", nth=3, times=30),)) as move:
        driver = await planned(Machine(move.provider, move.request))

        with pytest.raises(NotYet) as passing:
            await move.provider.check(driver.work(step_of(driver, "agent_appeared"), "check"), no_progress)

        assert passing.value.problem.code == "throttled"


async def test_the_plan_is_one_that_the_decider_takes(cloud: Moving) -> None:
    async with cloud() as move:
        plan = (await planned(Machine(move.provider, move.request))).plan

        assert flaw_of(plan) == ""
        assert [step.name for step in plan.steps if step.point_of_no_return] == ["finalise", "archive", "factory_finished"]


async def test_too_much_lag_holds_the_cutover_back_O6(cloud: Moving) -> None:
    async with cloud(lag_s=400.0) as move:
        driver = await planned(Machine(move.provider, move.request))
        last = await up_to(driver, "initial_sync")
        await carry_out(driver, last)

        with pytest.raises(NotYet) as late:
            await move.provider.check(driver.work(step_of(driver, "cutover_lag_low"), "check"), no_progress)

        assert late.value.problem.code == "lag_too_high"


async def test_a_record_that_somebody_else_changed_is_left_alone_O7(cloud: Moving) -> None:
    async with cloud() as move:
        driver = await planned(Machine(move.provider, move.request))
        last = await up_to(driver, "switch_dns")
        ((key, zone),) = move.world.books.all("zone")
        ((name, record),) = zone["records"].items()
        theirs = {name: {**record, "ResourceRecords": [{"Value": "198.51.100.1"}]}}
        move.world.books.put("zone", key, {**zone, "records": theirs})

        with pytest.raises(ProviderError) as refused:
            await move.provider.apply(driver.work(last, "apply"), no_progress)

        assert (refused.value.problem.code, refused.value.retryable) == ("record_changed", False)
        assert dict(move.world.books.all("zone"))[key]["records"] == theirs


async def test_a_zombie_is_refused_by_the_fence_in_the_cloud_O9(cloud: Moving) -> None:
    async with cloud() as move:
        driver = await planned(Machine(move.provider, move.request))
        last = await up_to(driver, "launch_test")
        zombie = driver.work(last, "apply")
        await move.provider.undo(driver.work(last, "undo"), no_progress)

        with pytest.raises(Fenced):
            await move.provider.apply(zombie, no_progress)

        assert [job for _, job in move.world.books.all("job")] == []


async def test_every_missing_prerequisite_is_reported_at_once_with_its_place_O3(cloud: Moving) -> None:
    async with cloud(options={"dns": {"zone_id": "ZNOWHERE", "name": "x.example.org"}}) as move:
        made = move.request
        for kind in ("account", "launch template default", "instance"):
            for key, _ in move.world.books.all(kind):
                move.world.books.remove(kind, key)
        target = made.target | {"security_group_ids": ["sg-0b01", "sg-0b02"]}
        request = type(made)(tenant="acme", migration="mig-1", provider="aws_mgn", source=made.source, target=target, options=made.options)

        problems = (await move.provider.inspect(request)).problems

        found = {(one.code, one.field) for one in problems}
        assert found == {
            ("mgn_not_initialised", "/target/region"),
            ("security_group_missing", "/target/security_group_ids/0"),
            ("security_group_missing", "/target/security_group_ids/1"),
            ("instance_missing", "/source/instance_id"),
            ("hosted_zone_missing", "/options/dns"),
        }
        assert all(one.remedy and one.category == "prerequisite" for one in problems)


async def test_every_bad_value_of_a_request_is_reported_at_once_with_its_place_O3(cloud: Moving) -> None:
    async with cloud() as move:
        made = move.request
        request = type(made)(
            tenant="acme",
            migration="mig-1",
            provider="aws_mgn",
            source={"hostname": "a b"},
            target=made.target | {"region": "here"},
            options=made.options | {"colour": 1},
        )

        problems = (await move.provider.inspect(request)).problems

        assert [(one.code, one.field) for one in problems] == [
            ("invalid_option", "/source/hostname"),
            ("invalid_option", "/target/region"),
            ("invalid_option", "/options/colour"),
        ]
