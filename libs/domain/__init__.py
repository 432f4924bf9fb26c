"""Pure decisions: what each aggregate answers to each command. Imports nothing but contracts; no clock, no chance, no I/O."""
