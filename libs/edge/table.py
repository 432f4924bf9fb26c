"""The one table of routes."""

from libs.edge import bulk, documents, health, migration_commands
from libs.edge.routing import Route

ROUTES: tuple[Route, ...] = (
    *migration_commands.ROUTES,
    *bulk.ROUTES,
    *documents.ROUTES,
    *health.ROUTES,
)
