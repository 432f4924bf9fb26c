"""Health, readiness and metrics. Liveness depends on nothing outside the process."""

from libs.edge.routing import TEXT, Answer, Call, Outcome, Route

_METRICS = "text/plain; version=1.0.0; charset=utf-8"


async def live(call: Call) -> Answer:
    """The event loop turns."""
    return Answer(b"alive\n", media=TEXT)


async def ready(call: Call) -> Answer:
    """Requests can be served now."""
    missing = call.edge.not_ready()
    return Answer(f"waiting for: {', '.join(missing)}\n".encode(), 503, media=TEXT) if missing else Answer(b"ready\n", media=TEXT)


async def started(call: Call) -> Answer:
    """Everything needed to start was there once."""
    return Answer(b"started\n", media=TEXT) if call.edge.started else Answer(b"starting\n", 503, media=TEXT)


async def metrics(call: Call) -> Answer:
    """Metrics in the Prometheus text format."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return Answer(generate_latest(), media=CONTENT_TYPE_LATEST)


_YES, _NO = Outcome("Yes", media=TEXT), Outcome("Not yet", media=TEXT)
ROUTES = (
    Route("GET", "/livez", "live", "Whether the process is alive", "health", live, {200: _YES}, None),
    Route("GET", "/readyz", "ready", "Whether requests can be served", "health", ready, {200: _YES, 503: _NO}, None),
    Route("GET", "/startupz", "started", "Whether starting has ended", "health", started, {200: _YES, 503: _NO}, None),
    Route("GET", "/metrics", "metrics", "Prometheus metrics", "health", metrics, {200: Outcome("Metrics", media=TEXT)}, None),
)
