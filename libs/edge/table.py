"""The one table of routes."""

from libs.edge import (
    approval_commands,
    bulk,
    capacity_commands,
    capacity_queries,
    dead_letters,
    documents,
    health,
    history_queries,
    holdup_queries,
    migration_commands,
    migration_queries,
    notification_commands,
    notification_queries,
    signing_secrets,
    streaming,
    wave_commands,
    wave_queries,
    work_reports,
)
from libs.edge.routing import Route

ROUTES: tuple[Route, ...] = (
    *migration_commands.ROUTES,
    *approval_commands.ROUTES,
    *bulk.ROUTES,
    *migration_queries.ROUTES,
    *history_queries.ROUTES,
    *holdup_queries.ROUTES,
    *notification_commands.ROUTES,
    *notification_queries.ROUTES,
    *signing_secrets.ROUTES,
    *capacity_commands.ROUTES,
    *capacity_queries.ROUTES,
    *wave_commands.ROUTES,
    *wave_queries.ROUTES,
    *dead_letters.ROUTES,
    *streaming.ROUTES,
    *work_reports.ROUTES,
    *documents.ROUTES,
    *health.ROUTES,
)
