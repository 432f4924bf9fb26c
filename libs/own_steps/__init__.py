"""Steps of one's own: a few functions in Python become a system that the provider `external` tells what to do.

Write them with `Steps`, try them with `libs.testing.own_steps`, serve them with `libs.own_steps.serving`.
"""

from libs.own_steps.steps import NotYet, StepError, Steps
from libs.own_steps.work import Work

__all__ = ["NotYet", "StepError", "Steps", "Work"]
