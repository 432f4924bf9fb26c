"""An integer that no long of Avro can hold is refused at every door, naming where it is (R11, T6)."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from libs.contracts.avro import schema_of
from libs.contracts.envelope import CommandEnvelope
from libs.contracts.migration.commands import RequestMigration
from libs.contracts.migration.request import Request
from libs.edge.intake import Intake
from libs.edge.intake_reports import ReportIntake
from libs.edge.letter_documents import Replay
from libs.edge.migration_request import MIGRATION_REQUEST
from libs.edge.problems import HttpProblem
from libs.edge.reading import parsed
from libs.edge.reports import WorkReport
from libs.edge.signing import Secrets
from libs.runtime.errors import Poison
from libs.runtime.received import Received
from libs.runtime.registry import Registry

TOO_LARGE = [2**63, 2**64 - 1, 2**64, 10**40, -(2**63) - 1]
REQUEST = {"appName": "shop", "provider": "postgres", "source": {}, "target": {}, "environment": "dev"}
REPORT = {"attempt": 1, "ticket": "t", "outcome": "succeeded"}


def pointers(adapter: TypeAdapter[Any], body: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(HttpProblem) as caught:
        parsed(adapter, json.dumps(body).encode(), {})
    return [(error["pointer"], error["code"]) for error in caught.value.errors]


@pytest.mark.parametrize("number", TOO_LARGE)
def test_http_names_every_one_of_them_R11(number: int) -> None:
    assert pointers(TypeAdapter(WorkReport), REPORT | {"evidence": {"rows": number, "a/b": number}}) == [
        ("/evidence/rows", "number_too_large"),
        ("/evidence/a~1b", "number_too_large"),
    ]
    assert pointers(MIGRATION_REQUEST, REQUEST | {"options": {"x": [0, {"y": number}]}}) == [("/options/x/1/y", "number_too_large")]
    assert pointers(TypeAdapter(Replay), {"payload": {"n": number}}) == [("/payload/n", "number_too_large")]


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 1.5e300, "9" * 40, True])
def test_what_fits_is_taken_and_can_be_written_to_the_log_R11(number: object) -> None:
    report = parsed(TypeAdapter(WorkReport), json.dumps(REPORT | {"evidence": {"rows": number}}).encode(), {})
    body = report.command("acme/m-1/0/-/apply/1")
    schema = schema_of(type(body))
    envelope = CommandEnvelope(
        command_id="c", tenant="acme", aggregate="m-1", environment="dev", actor="a", correlation_id="c", occurred_at=1
    )

    assert schema.decode(schema.encode(body, envelope))[1].evidence == {"rows": number}


@pytest.mark.parametrize("number", TOO_LARGE)
def test_a_report_on_the_intake_topic_is_poison_R11(number: int) -> None:
    secrets, work = Secrets(b"k" * 32), "acme/mig-1/3/-/apply/1"
    body = {"workId": work, "attempt": 2, "ticket": secrets.ticket(work, 2), "outcome": "succeeded", "evidence": {"rows": number}}

    with pytest.raises(Poison, match="/evidence/rows"):
        ReportIntake(secrets, "dev").taken(Received("p.intake", 0, 1, None, json.dumps(body).encode(), []), 1)


class _OneSchema(Registry):
    """Knows the schema of a request under every id."""

    def writer(self, id_: int) -> Any:
        """The schema of RequestMigration."""
        return schema_of(RequestMigration).full_name, None, b""


@pytest.mark.parametrize("number", TOO_LARGE)
def test_a_request_in_avro_is_poison_too_and_never_rounded_R11(number: int) -> None:
    request = Request(provider="postgres", application="shop", source=json.dumps({"n": number}), target="{}")
    envelope = CommandEnvelope(
        command_id="c", tenant="acme", aggregate="m-1", environment="dev", actor="a", correlation_id="c", occurred_at=1
    )
    value = b"\0\0\0\0\1" + schema_of(RequestMigration).encode(RequestMigration(request=request), envelope)

    with pytest.raises(Poison, match="/source/n"):
        Intake(_OneSchema("http://127.0.0.1:9"), "dev", "default").command(Received("p.intake", 0, 1, None, value, []), 1)
