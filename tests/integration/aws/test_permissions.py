"""The permissions that the provider's page lists are those that a move and its rollback use (O3)."""

import re
from pathlib import Path

from libs.testing.aws_fleet import Machine, carry_out, planned, take_back
from libs.testing.cloud.models import service
from tests.integration.aws.conftest import Moving

PAGE = Path(__file__).resolve().parents[3] / "docs/providers/aws_mgn.md"
SERVICES = ("mgn", "ec2", "route53", "sts", "servicequotas")
RARE = {"mgn:ResumeReplication", "mgn:RetryDataReplication", "ec2:TerminateInstances", "ec2:CreateTags"}
"""Not met on this way: paused and stalled servers, instances that MGN has lost, and tags that another operation sets."""


async def test_the_page_lists_every_permission_that_is_used_and_no_other_O3(cloud: Moving) -> None:
    async with cloud(agents="stopped") as move:
        there_and_back = await planned(Machine(move.provider, move.request))
        for step in there_and_back.reversible():
            await carry_out(there_and_back, step)
        await take_back(there_and_back, there_and_back.reversible())
        for step in there_and_back.plan.steps:
            await carry_out(there_and_back, step)

        counted = {key.split()[1] for key, _ in move.world.books.all("count") if key.startswith("call ") and key.count(" ") == 1}

    used = {next(f"{name}:{one}" for name in SERVICES if one in service(name).operation_names) for one in counted}
    listed = set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', PAGE.read_text(encoding="utf-8")))
    assert used - listed == set()
    assert listed - used == RARE
