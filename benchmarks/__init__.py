"""Measurements, as ratios against a limit taken in the same run. `python -m benchmarks --only lifecycle,loop` picks."""
