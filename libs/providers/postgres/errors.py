"""One pure table that sorts what PostgreSQL and the network raise into code, category and retryable."""

import asyncio
from typing import NamedTuple

import asyncpg

from libs.providers.base import ProviderError


class Verdict(NamedTuple):
    """What a failure means to a migration."""

    code: str
    retryable: bool
    remedy: str = ""


VERDICTS: dict[str, Verdict] = {
    "08": Verdict("connection_lost", True, "check that the server runs and can be reached"),
    "0A": Verdict("feature_not_supported", False),
    "22": Verdict("bad_data", False),
    "23": Verdict("constraint_violated", False),
    "25": Verdict("wrong_transaction_state", True),
    "25006": Verdict("read_only", True, "check that the server is not a standby and not read-only"),
    "28": Verdict("authentication_failed", False, "correct the user or the credential that the request refers to"),
    "28000": Verdict("authentication_failed", False, "allow the user and address in pg_hba.conf"),
    "3D": Verdict("database_missing", False, "create the database or correct its name in the request"),
    "40": Verdict("serialization_failed", True),
    "42": Verdict("statement_refused", False),
    "42501": Verdict("insufficient_privilege", False, "grant the privilege that the message names"),
    "53": Verdict("out_of_resources", True, "free disk, memory or connections on that server"),
    "53400": Verdict("configuration_limit", True, "raise the limit that the message names"),
    "55": Verdict("object_busy", True),
    "57014": Verdict("statement_timeout", True),
    "57P": Verdict("connection_lost", True, "check that the server runs and can be reached"),
    "58": Verdict("server_fault", True, "read the log of that server"),
    "XX": Verdict("server_fault", False, "read the log of that server"),
}
"""By SQLSTATE: all five characters first, then three, then the class."""

UNKNOWN = Verdict("database_error", False)
UNREACHABLE = Verdict("connection_failed", True, "check host, port, firewall and that the server runs")
TOO_SLOW = Verdict("timed_out", True, "check the load of that server and the network")


def verdict(error: BaseException) -> Verdict:
    """Sort one exception. Timeouts count as timeouts although they are OS errors too."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return next((VERDICTS[key] for key in (state, state[:3], state[:2]) if key in VERDICTS), UNKNOWN)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return TOO_SLOW
    if isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return UNREACHABLE
    return UNKNOWN


FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What a verb may meet at a server; everything else is a fault of ours and is not translated."""


def translate(error: BaseException, where: str) -> ProviderError:
    """The provider error for an exception met at a server. Details are left out: they may quote rows."""
    sorted_as = verdict(error)
    message = str(error.args[0]) if error.args else type(error).__name__
    return ProviderError(sorted_as.code, f"{where}: {message}", retryable=sorted_as.retryable, remedy=sorted_as.remedy)
