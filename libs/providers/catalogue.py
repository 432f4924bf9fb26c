"""The one table of providers: a kind and what makes its provider."""

from collections.abc import Callable
from functools import partial

from libs.providers.aws_mgn.provider import AwsMgnProvider
from libs.providers.base import Provider
from libs.providers.external.outside import Outside
from libs.providers.external.provider import ExternalProvider
from libs.providers.postgres.provider import PostgresProvider
from libs.providers.rehearsal.provider import RehearsalProvider

PROVIDERS: dict[str, Callable[[], Provider]] = {
    "aws_mgn": AwsMgnProvider,
    "postgres": PostgresProvider,
    "rehearsal": RehearsalProvider,
}
"""Those that need nothing from the process that they run in."""


def providers(outside: Outside) -> dict[str, Callable[[], Provider]]:
    """Every provider, in a process that can tell other systems."""
    return PROVIDERS | {"external": partial(ExternalProvider, outside)}
