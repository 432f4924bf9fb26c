"""The migration aggregate.

    requested ─▶ checking ─▶ (waiting: admission, slots) ─▶ running (status: phase of the current step) ─▶ completed
                    │           │  ▲
                    ▼           ▼  │ resume, retry, approval, wake
                 rejected     paused · held (failed) · waiting · awaiting approval
                                │
                                ▼ failure, cancel, rollback, retry from a step
                             stopping ─▶ rolling back ─▶ rolled back | cancelled | running again (new round)
                                              │  ▲
                                              ▼  │ retry, skip
                                             stuck

Reading order: gates (what it waits for before it begins), approvals (what counts at a go/no-go gate), evolving (what each
event changes), dispatching (how work is handed out), going_back, lapsing, going_forward, passing (decisions at the gates
before it begins), operating (what people ask for), rehearsing (the way back), approving (decisions at go/no-go gates), deciding.
"""

from libs.domain.migration.deciding import DECIDER

__all__ = ["DECIDER"]
