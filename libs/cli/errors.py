"""What can go wrong for a user, each said in one line with what to do, and the exit code that scripts see."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    ENVIRONMENT = 3
    REFUSED = 4
    NOT_FOUND = 5
    TIMEOUT = 6
    INTERNAL = 70
    INTERRUPTED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "done; where a migration was waited for, it completed",
    Exit.FAILED: "done, but the outcome is not the one hoped for: a migration failed or went back, a chain is broken, something is unhealthy",
    Exit.USAGE: "the command or what it was given is not valid; nothing was done",
    Exit.ENVIRONMENT: "something outside must change first: a server, a port, the disk, the network",
    Exit.REFUSED: "refused: the current state, or what the token allows, does not permit it; nothing was changed",
    Exit.NOT_FOUND: "there is no such thing",
    Exit.TIMEOUT: "it did not end in the time given; it may still go on",
    Exit.INTERNAL: "a defect of this command; WHIMBREL_DEBUG=1 shows where",
    Exit.INTERRUPTED: "interrupted by Ctrl-C; what was asked for goes on",
}


class CliError(Exception):
    """Ends the command: one line for the user, a fix where there is one, and the exit code."""

    def __init__(self, message: str, code: Exit, fix: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.code, self.fix, self.details = message, code, fix, details

    @property
    def line(self) -> str:
        """The line to print."""
        return f"{self.message}: {self.fix}" if self.fix else self.message
