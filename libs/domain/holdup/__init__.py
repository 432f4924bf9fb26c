"""What holds a migration up: every cause that stands now, in words, with the events that it comes from (X12, X8).

Reading order: cause (what one is), standing (what of a migration's history still stands), slots (what a capacity says),
approval (who must say yes), working (work in flight), causes (the answer), waves (a wave's own causes). For people; nothing is decided by it.
"""

from libs.domain.holdup.cause import Ask, Cause, Event, Letter
from libs.domain.holdup.causes import AFTERWARDS, causes
from libs.domain.holdup.standing import Evidence, Standing, standing

__all__ = ["AFTERWARDS", "Ask", "Cause", "Event", "Evidence", "Letter", "Standing", "causes", "standing"]
