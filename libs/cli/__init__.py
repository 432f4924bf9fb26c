"""The `whimbrel` command, and `make run` (`demo`): everything a person does from a terminal."""
