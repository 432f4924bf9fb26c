"""The one table of providers: a kind and what makes its provider."""

from collections.abc import Callable

from libs.providers.base import Provider
from libs.providers.postgres.provider import PostgresProvider
from libs.providers.rehearsal.provider import RehearsalProvider

PROVIDERS: dict[str, Callable[[], Provider]] = {
    "postgres": PostgresProvider,
    "rehearsal": RehearsalProvider,
}
