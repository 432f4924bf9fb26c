"""The served OpenAPI document against the running services, 5,000 generated cases and more: no crash, nothing undocumented (SEC8)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded.ports import free_port, get
from libs.edge.issuer import LocalIssuer
from libs.edge.table import ROUTES
from libs.testing.servers import SharedServers
from libs.testing.services import Services, environment_of
from libs.testing.waiting import wait_until

CASES = 5_000
_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,ignored_auth,unsupported_method"
)
# Streams have no end and bulk no serializer in the tool: both have tests of their own.
_LEFT_OUT = ("/v1/events", "/v1/migrations/{id}/events", "/v1/migrations:bulk")
_ANSWERED = re.compile(rb'whimbrel_http_requests_total\{route="([A-Za-z]+)",status="(\d+)"\} ([0-9.e+]+)')


@pytest.mark.timeout(1_800)
def test_five_thousand_generated_requests_find_no_crash_and_nothing_undocumented_SEC8(
    stack: SharedServers, prefix: str, partitions: int, tmp_path: Path
) -> None:
    port = free_port()
    token = LocalIssuer(tmp_path).issue("fuzz", "u-1", ["admin"], ttl_s=7_200)
    with Services(environment_of(stack, prefix, partitions=partitions), tmp_path) as services:
        for name in ("validator", "projector"):
            services.start(f"services.{name}").wait_ready()
        services.start("services.ingress", WHIMBREL_HTTP_PORT=str(port), WHIMBREL_DATA_DIR=str(tmp_path))
        wait_until(lambda: (get(port, "/readyz") or (0,))[0] == 200, "ingress is ready")
        done = _fuzz(port, token)
        answered = _answered(port)

    assert done.returncode == 0, done.stdout[-8_000:]
    assert sum(answered.values()) >= CASES
    assert not [key for key in answered if key[1] >= 500 and key[1] != 503]
    assert {route for route, _ in answered} >= {route.name for route in ROUTES if route.roles and route.path not in _LEFT_OUT}


def _fuzz(port: int, token: str) -> subprocess.CompletedProcess[str]:
    url = f"http://127.0.0.1:{port}/openapi.json"
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", url, "-H", f"Authorization: Bearer {token}", "--checks", _CHECKS]
    command += ["--phases", "coverage,fuzzing", "--max-examples", "9", "--seed", "1", "--continue-on-failure", "--request-timeout", "60"]
    for path in _LEFT_OUT:
        command += ["--exclude-path", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=1_700, check=False)


def _answered(port: int) -> dict[tuple[str, int], float]:
    """Requests answered by route and status, as ingress counts them."""
    answer = get(port, "/metrics", timeout=30)
    assert answer is not None
    return {(route.decode(), int(status)): json.loads(count) for route, status, count in _ANSWERED.findall(answer[1])}
