"""Give somebody a mailbox in the new system: two steps of one's own. Serve them with `python docs/examples/own_steps.py`."""

import asyncio

from libs.own_steps import NotYet, Steps, Work
from libs.own_steps.serving import serve

steps, mailboxes = Steps(), dict[str, str]()


@steps.act("create_mailbox", phase="preparing", compensation="Remove the mailbox.", timeout_ms=600_000)
class CreateMailbox:
    async def apply(self, work: Work) -> dict[str, object]:
        await asyncio.sleep(60)  # the new system is slow
        mailboxes.setdefault(work.parameters["name"], work.id)  # a repeat finds what the same work has made
        return {"mailbox": work.parameters["name"]}

    async def undo(self, work: Work) -> dict[str, object]:
        return {"removed": mailboxes.pop(work.parameters["name"], None) is not None}


@steps.check("mailbox_answers", phase="testing")
async def mailbox_answers(work: Work) -> dict[str, object]:
    if not mailboxes:
        raise NotYet("no_mailbox", "the mailbox does not answer yet")
    return {"mailboxes": len(mailboxes)}


if __name__ == "__main__":
    serve(steps)
