"""A deterministic simulator of the pure core: one thread, virtual time, one seed.

The real decider answers a log that duplicates, delays and reorders; workers crash, pause as zombies and repeat; people
pause, cancel, roll back and retry at random; the validator dies between deciding and committing. What comes of it is held
to the invariants of docs/invariants.md. The same seed gives the same run: `python -m libs.testing.simulator --seed N`.
"""
