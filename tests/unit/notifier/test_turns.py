"""The order in which messages about one migration go to one endpoint (R9), and how many go at once."""

import asyncio

from services.notifier.turns import Hosts, Lanes, Ticket

LANE = ("acme", "mig-7", "sub-1")


def ticket(version: int, lane: tuple[str, str, str] = LANE) -> Ticket:
    return Ticket(lane, version, f"delivery-{version}")


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_message_waits_until_the_one_before_it_is_accepted_R9() -> None:
    lanes, sent = Lanes(), []
    for version in (3, 1, 2):
        lanes.join(ticket(version))

    async def send(version: int) -> None:
        await lanes.first(ticket(version))
        sent.append(version)

    tasks = [asyncio.create_task(send(version)) for version in (3, 2, 1)]
    await settle()
    assert sent == [1]
    for version in (1, 2, 3):
        lanes.leave(ticket(version))
        await settle()

    assert sent == [1, 2, 3]
    await asyncio.gather(*tasks)
    assert len(lanes) == 0


async def test_other_migrations_and_other_endpoints_do_not_wait() -> None:
    lanes = Lanes()
    lanes.join(ticket(1))
    for lane in (("acme", "mig-8", "sub-1"), ("acme", "mig-7", "sub-2"), ("other", "mig-7", "sub-1")):
        lanes.join(ticket(2, lane))
        await asyncio.wait_for(lanes.first(ticket(2, lane)), 1)


async def test_a_message_that_is_never_accepted_holds_the_others_for_a_bounded_time_R9() -> None:
    lanes = Lanes(hold_s=0.05)
    lanes.join(ticket(1))
    lanes.join(ticket(2))

    await asyncio.wait_for(lanes.first(ticket(2)), 5)
    lanes.join(ticket(3))

    assert len(lanes) <= 2


async def test_nobody_gets_a_turn_after_the_end() -> None:
    lanes = Lanes()
    lanes.join(ticket(1))
    lanes.join(ticket(2))
    task = asyncio.create_task(lanes.first(ticket(2)))
    await settle()

    lanes.close()
    await asyncio.wait({task}, timeout=1)

    assert task.cancelled()


async def test_a_slow_host_takes_no_place_from_others() -> None:
    hosts, release, inside = Hosts(per_host=2, in_all=3), asyncio.Event(), []

    async def send(tenant: str, host: str) -> None:
        async with hosts.place(tenant, host):
            inside.append((tenant, host))
            await release.wait()

    slow = [asyncio.create_task(send("acme", "slow")) for _ in range(50)]
    await settle()
    fast = [asyncio.create_task(send("acme", "fast"))]
    await settle()

    assert inside == [("acme", "slow")] * 2 + [("acme", "fast")]
    release.set()
    await asyncio.gather(*slow, *fast)
