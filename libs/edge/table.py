"""The one table of routes."""

from libs.edge import bulk, documents, health, migration_commands, notification_commands, streaming
from libs.edge.routing import Route

ROUTES: tuple[Route, ...] = (
    *migration_commands.ROUTES,
    *bulk.ROUTES,
    *notification_commands.ROUTES,
    *streaming.ROUTES,
    *documents.ROUTES,
    *health.ROUTES,
)
