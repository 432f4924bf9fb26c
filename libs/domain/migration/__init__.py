"""The migration aggregate.

    requested ─▶ checking ─▶ running (status: phase of the current step) ─▶ completed
                    │           │  ▲
                    ▼           ▼  │ resume, retry, approval, wake
                 rejected     paused · held (failed) · waiting · awaiting approval
                                │
                                ▼ failure, cancel, rollback, retry from a step
                             stopping ─▶ rolling back ─▶ rolled back | cancelled | running again (new round)
                                              │  ▲
                                              ▼  │ retry, skip
                                             stuck

Reading order: evolving (what each event changes), dispatching (how work is handed out), going_back, going_forward,
operating (what people ask for), deciding.
"""

from libs.domain.migration.deciding import DECIDER

__all__ = ["DECIDER"]
