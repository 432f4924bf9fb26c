"""Calendars as people write them, expanded to UTC intervals before they reach the log (X9). No clock and no I/O: `now` is given.

Some rules never come true and keep a library searching until the year 9999, so whoever takes rules from others expands
them with `python -m libs.calendars`, a process that can be ended.
"""
