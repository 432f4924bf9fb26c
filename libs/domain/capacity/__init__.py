"""The capacity aggregate: slots for migrations, by limit, by rate, and by windows and freezes (O22).

    nobody ─▶ waiting ─▶ holding ─▶ nobody (freed, or revoked when it closes)
       └────────────────────▲

A capacity that was never set grants everything, so that naming one needs no ceremony, and still knows its holders, so that
a limit set later counts them. Slots are granted first come first served. Time opens and closes by itself: every event says
when time changes something again, and the wake at that moment brings it about.

Reading order: opening (windows, freezes and lock-outs), evolving (what each event changes), granting (what may happen now,
and when next), setting (what is a valid setting), deciding; explaining says in words what holds slots back.
"""

from libs.domain.capacity.deciding import DECIDER

__all__ = ["DECIDER"]
