"""The wave aggregate: migrations that are moved together, in the order of what depends on what, under one failure budget.

    planned ─▶ waiting (for waves before it) ─▶ running ─▶ completed
                  │                             │  ▲
                  ▼                             ▼  │ resume
                paused ◀──────────────── stopped (failure budget) · paused
                  │
                  ▼
               rolling back ─▶ rolled back        cancelled (from everywhere but completed)

A member is admitted once everything it depends on is completed. Whoever depends on something that ended otherwise, or is
held, is blocked: it stays planned until that is retried and completes, or what it depends on is said anew.

Reading order: members (how one stands), graph (who depends on whom), evolving (what each event changes), carrying_on (what a
wave does by itself), noting (what others tell it), operating (what people ask for), deciding; views (plans for people).
"""

from libs.domain.wave.deciding import DECIDER

__all__ = ["DECIDER"]
