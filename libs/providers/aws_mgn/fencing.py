"""The fence of a migration: tags on its source server, one key for each fence, so that a late writer never lowers the highest.

MGN changes nothing under a lock of ours. An act therefore looks before it acts and once more afterwards: an executor
that finds a higher fence then takes back what it has just done. What lies between the two looks is the window.
"""

from libs.providers.aws_mgn.connecting import Cloud
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.names import FENCE, digest
from libs.providers.base import Assignment, Fenced


async def enter(cloud: Cloud, server: Server, work: Assignment) -> None:
    """Record the fence of a work item, unless a higher one stands. Raises Fenced."""
    held = fences(server)
    if held and max(held) > work.fence:
        raise Fenced(max(held), work.fence)
    if work.fence not in held:
        await cloud.call("mgn", "tag_resource", resourceArn=server["arn"], tags={f"{FENCE}{work.fence}": digest(work.work_id)})
    lower = [f"{FENCE}{fence}" for fence in held if fence < work.fence]
    if lower:
        await cloud.call("mgn", "untag_resource", resourceArn=server["arn"], tagKeys=lower)


def standing(server: Server, work: Assignment) -> bool:
    """Whether no higher fence stands. Raises Fenced where it is held by a later attempt of the same work."""
    held = fences(server)
    highest = max(held, default=0)
    if highest <= work.fence:
        return True
    if held[highest] == digest(work.work_id):
        raise Fenced(highest, work.fence)
    return False


def fences(server: Server) -> dict[int, str]:
    """Fences on a source server, with the digests of their work."""
    tags = server.get("tags", {})
    return {int(key[len(FENCE) :]): value for key, value in tags.items() if key.startswith(FENCE) and key[len(FENCE) :].isdigit()}
