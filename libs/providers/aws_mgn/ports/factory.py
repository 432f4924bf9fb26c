"""Cloud Migration Factory's user API: the status of a server, and of its wave as that of all its servers together."""

from typing import Any

from libs.providers.aws_mgn.options import Factory
from libs.providers.aws_mgn.ports.http import ask
from libs.providers.base import ProviderError

SERVER, WAVE = "migration_status", "wave_status"


async def read(factory: Factory) -> dict[str, str]:
    """The status of the server and, where one is named, of the wave; empty where none is set."""
    server = await _item(factory, "server", factory.server)
    wave = await _item(factory, "wave", factory.wave) if factory.wave else {}
    return {"server": str(server.get(SERVER) or ""), "wave": str(wave.get(WAVE) or "")}


async def tell(factory: Factory, status: str, wave_before: str) -> bool:
    """Set the server's status and derive that of its wave. Says whether the server's changed."""
    changed = (await read(factory))["server"] != status
    if changed:
        await ask("PUT", factory, f"user/server/{factory.server}", {SERVER: status}, who="factory", scheme=factory.scheme)
    if factory.wave:
        await _settle(factory, wave_before)
    return changed


async def _settle(factory: Factory, before: str) -> None:
    """The wave is finished when all its servers are, begun when any is, else what it was.

    Each server writes its own status before it reads the others', so the last of two that end together sees both.
    """
    apps = {app["app_id"] for app in await _items(factory, "app") if str(app.get("wave_id")) == factory.wave}
    known = [server.get(SERVER) for server in await _items(factory, "server") if server.get("app_id") in apps]
    begun = any(status in (factory.started, factory.finished) for status in known)
    finished = bool(known) and all(status == factory.finished for status in known)
    # A wave that others had begun before this server was inspected tells nothing about what it was before that.
    untouched = factory.idle if before in (factory.started, factory.finished) else before
    status = factory.finished if finished else factory.started if begun else untouched
    if (await read(factory))["wave"] != status:
        await ask("PUT", factory, f"user/wave/{factory.wave}", {WAVE: status}, who="factory", scheme=factory.scheme)


async def _item(factory: Factory, kind: str, key: str) -> dict[str, Any]:
    found = await ask("GET", factory, f"user/{kind}/{key}", who="factory", scheme=factory.scheme)
    if not isinstance(found, dict):
        raise ProviderError("factory_refused", f"{kind} {key} is not a JSON object", retryable=False, remedy="correct the address")
    return found


async def _items(factory: Factory, kind: str) -> list[dict[str, Any]]:
    found = await ask("GET", factory, f"user/{kind}", who="factory", scheme=factory.scheme)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
