"""Every failure of a server is sorted once: code, and whether the same work may succeed later."""

import asyncpg
import pytest

from libs.providers.postgres.errors import VERDICTS, translate, verdict

ROWS = [
    (asyncpg.AdminShutdownError("x"), "connection_lost", True),
    (asyncpg.CannotConnectNowError("x"), "connection_lost", True),
    (asyncpg.ConnectionDoesNotExistError("x"), "connection_lost", True),
    (asyncpg.InvalidPasswordError("x"), "authentication_failed", False),
    (asyncpg.InvalidAuthorizationSpecificationError("x"), "authentication_failed", False),
    (asyncpg.InvalidCatalogNameError("x"), "database_missing", False),
    (asyncpg.InsufficientPrivilegeError("x"), "insufficient_privilege", False),
    (asyncpg.UndefinedTableError("x"), "statement_refused", False),
    (asyncpg.UniqueViolationError("x"), "constraint_violated", False),
    (asyncpg.SerializationError("x"), "serialization_failed", True),
    (asyncpg.DeadlockDetectedError("x"), "serialization_failed", True),
    (asyncpg.LockNotAvailableError("x"), "object_busy", True),
    (asyncpg.ObjectInUseError("x"), "object_busy", True),
    (asyncpg.QueryCanceledError("x"), "statement_timeout", True),
    (asyncpg.ReadOnlySQLTransactionError("x"), "read_only", True),
    (asyncpg.DiskFullError("x"), "out_of_resources", True),
    (asyncpg.TooManyConnectionsError("x"), "out_of_resources", True),
    (asyncpg.ConfigurationLimitExceededError("x"), "configuration_limit", True),
    (asyncpg.FeatureNotSupportedError("x"), "feature_not_supported", False),
    (asyncpg.PostgresIOError("x"), "server_fault", True),
    (asyncpg.DataCorruptedError("x"), "server_fault", False),
    (ConnectionRefusedError("x"), "connection_failed", True),
    (TimeoutError(), "timed_out", True),
    (asyncpg.InterfaceError("x"), "connection_failed", True),
    (asyncpg.InternalClientError("x"), "connection_failed", True),
    (ValueError("x"), "database_error", False),
]


@pytest.mark.parametrize(("error", "code", "retryable"), ROWS, ids=[type(row[0]).__name__ for row in ROWS])
def test_a_failure_has_one_verdict(error: Exception, code: str, retryable: bool) -> None:
    assert verdict(error)[:2] == (code, retryable)


def test_every_row_of_the_table_is_tried() -> None:
    states = {error.sqlstate for error, _, _ in ROWS if isinstance(error, asyncpg.PostgresError) and error.sqlstate}
    used = {next(key for key in (state, state[:3], state[:2]) if key in VERDICTS) for state in states}

    assert set(VERDICTS) - used == {"22", "25"}


def test_details_of_a_server_are_left_out_because_they_quote_rows() -> None:
    error = asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    error.detail = "Key (email)=(someone@example.org) already exists."

    translated = translate(error, "target")

    assert "someone" not in str(translated)
    assert translated.problem.message == "target: duplicate key value violates unique constraint"
