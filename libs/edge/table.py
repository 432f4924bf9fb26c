"""The one table of routes."""

from libs.edge import documents, health, migration_commands
from libs.edge.routing import Route

ROUTES: tuple[Route, ...] = (
    *migration_commands.ROUTES,
    *documents.ROUTES,
    *health.ROUTES,
)
