"""Durations as MGN writes them (ISO 8601)."""

import re

_DURATION = re.compile(r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_UNITS = (604_800, 86_400, 3_600, 60, 1)


def seconds(text: str | None) -> float:
    """A duration in seconds; -1 for none, or one that cannot be read."""
    found = _DURATION.fullmatch(text or "")
    if not found or not any(found.groups()):
        return -1.0
    return sum(float(value) * unit for value, unit in zip(found.groups(), _UNITS, strict=True) if value)
