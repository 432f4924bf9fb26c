"""Errors of the embedded stack: each says in one line what is wrong and what to do about it."""


class StackError(Exception):
    """The stack cannot do what was asked; the message is one line for the user. Exit code 1."""

    exit_code = 1


class EnvironmentProblem(StackError):
    """Something outside Whimbrel must change first: a port, the disk, the network, a directory. Exit code 3."""

    exit_code = 3
