"""A scenario told to Whimbrel through its public API: capacities, waves, migrations in bulk, members; then the waves are started."""

import json
import urllib.request
from typing import Any

from libs.cli.client import Api
from libs.testing.aws_move import request_for
from libs.testing.drill.cloud import CloudProcess
from libs.testing.drill.scenario import Scenario, Server, Wave

TENANT = "acme"


def set_out(api: Api, token: str, cloud: CloudProcess, scenario: Scenario, callback: str, begun_us: int) -> None:
    """Plan everything; nothing moves yet."""
    settings = scenario.limits | {calendar.id: calendar.settings(begun_us) for calendar in scenario.calendars}
    for id_, given in settings.items():
        api.command(f"/v1/capacities/{id_}", given, method="PUT")
    for wave in scenario.waves:
        _plan(api, wave)
        machines = cloud.machines(len(wave.servers), wave.name)
        lines = [_line(server, wave, machines[server.machine], cloud, callback) for server in wave.servers]
        _request(f"{api.url}/v1/migrations:bulk", token, lines)
        members = [{"migration": server.migration, "dependsOn": list(server.depends_on)} for server in wave.servers]
        for first in range(0, len(members), 1_000):
            api.command(f"/v1/waves/{wave.name}/members", {"members": members[first : first + 1_000]}, key=f"{wave.name}-{first}")


def start(api: Api, scenario: Scenario) -> None:
    """Start every wave; those that come after others wait for them."""
    for wave in scenario.waves:
        api.command(f"/v1/waves/{wave.name}/start", {"reason": "drill"}, key=f"start-{wave.name}")


def _plan(api: Api, wave: Wave) -> None:
    body = {
        "limits": list(wave.limits),
        "after": list(wave.after),
        "maxFailures": wave.max_failures,
        "maxRunning": wave.max_running,
        "description": "a drill",
    }
    api.command(f"/v1/waves/{wave.name}", body, method="PUT")


def _line(server: Server, wave: Wave, machine: dict[str, Any], cloud: CloudProcess, callback: str) -> dict[str, Any]:
    asked = request_for(machine, cloud.url, cloud.app_port, server.migration)
    return {
        "migrationId": server.migration,
        "appName": machine["hostname"],
        "provider": asked.provider,
        "source": asked.source,
        "target": asked.target,
        "options": asked.options,
        "environment": "dev",
        "wave": wave.name,
        "callbackUrl": callback,
        "onFailure": server.on_failure,
        "approval": server.approval,
    }


def _request(url: str, token: str, lines: list[dict[str, Any]]) -> None:
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as response:
        answered = [json.loads(line) for line in response.read().splitlines()]
    wrong = [one for one in answered if one["status"] != 202]
    assert len(answered) == len(lines), f"{len(lines)} lines sent, {len(answered)} answered"
    assert not wrong, wrong[:3]
