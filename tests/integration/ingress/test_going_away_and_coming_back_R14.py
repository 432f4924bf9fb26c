"""Shutdown drains, a broker that is away is told within bounded time, and nothing accepted is lost (R13, R14, section 10)."""

import signal
import threading
import time
from functools import partial

from deploy.embedded.ports import get
from libs.testing.kafka_proxy import KafkaProxy
from libs.testing.waiting import wait_until
from tests.integration.ingress.conftest import World, start_ingress
from tests.integration.ingress.http import Api, migration


def test_a_broker_that_is_away_is_told_in_bounded_time_and_the_retry_takes_effect_once_R13(world: World, proxy: KafkaProxy) -> None:
    service, port = start_ingress(world.services, world.data_dir, 7, WHIMBREL_KAFKA=proxy.bootstrap, WHIMBREL_PRODUCE_TIMEOUT_S="2")
    api = Api(port, world.issuer.issue("away", "u-1", ["admin"]))
    assert api.decided("/v1/migrations", migration(migrationId="a-0")).status == 201

    proxy.cut()
    began = time.monotonic()
    refused = api.post("/v1/migrations", migration(migrationId="a-1"), Idempotency_Key="retried")
    took = time.monotonic() - began
    alive = get(port, "/livez")
    wait_until(lambda: (get(port, "/readyz") or (0,))[0] == 503, "readiness is false")
    proxy.mend()
    wait_until(lambda: (get(port, "/readyz") or (0,))[0] == 200, "readiness is true again")
    retried = partial(api.decided, "/v1/migrations", migration(migrationId="a-1"), Idempotency_Key="retried")
    wait_until(lambda: retried().status != 503, "the producer is connected again, too")
    answers = [retried() for _ in range(2)]

    assert (refused.status, refused.json["code"], bool(refused.headers["retry-after"])) == (503, "log_unavailable", True)
    assert took < 8
    assert alive is not None
    assert alive[0] == 200
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert service.exit_code() is None
    service.stop()


def test_a_request_in_flight_is_answered_before_the_process_ends_R14(world: World) -> None:
    service, port = start_ingress(world.services, world.data_dir, 8)
    api = Api(port, world.issuer.issue("drain", "u-1", ["admin"]))
    answers: list[int] = []
    wanted = "/v1/migrations?min_position=migration:0:999999999"
    asker = threading.Thread(target=lambda: answers.append(api.get(wanted).status))
    asker.start()
    wait_until(lambda: _in_flight(port, "listMigrations"), "the request is being handled", 10)

    service.send(signal.SIGTERM)
    wait_until(lambda: (get(port, "/readyz") or (0,))[0] in (0, 503), "readiness is false", 5)
    asker.join(20)

    assert answers == [503]
    assert service.stop() == 0


def _in_flight(port: int, route: str) -> bool:
    answer = get(port, "/metrics")
    return answer is not None and f'whimbrel_http_requests_in_flight{{route="{route}"}} 1.0'.encode() in answer[1]


def test_after_sigkill_between_ack_and_answer_the_retry_finds_its_own_migration_D2(world: World) -> None:
    service, port = start_ingress(world.services, world.data_dir, 9)
    token = world.issuer.issue("killed", "u-1", ["admin"])
    first = Api(port, token).post("/v1/migrations", migration(), Idempotency_Key="lost-answer")
    service.kill()

    again = world.api("killed").decided("/v1/migrations", migration(), Idempotency_Key="lost-answer")

    assert (again.status, again.json["id"]) == (201, first.json["id"])
    assert [one["id"] for one in world.api("killed").read(f"/v1/migrations?min_position={again.json['position']}").json["items"]] == [
        first.json["id"]
    ]
