"""Parts of the aws_mgn provider that need no cloud: the table of errors, durations, where requests may go."""

import re

import pytest

from libs.contracts.migration.plan import Step
from libs.providers.aws_mgn import errors
from libs.providers.aws_mgn.durations import seconds
from libs.providers.aws_mgn.fencing import fences, standing
from libs.providers.aws_mgn.options import allowed_url
from libs.providers.base import Assignment, Fenced, MoveRequest

CATEGORIES = {"migration", "validation", "prerequisite", "source_preparation", "migration_execution", "verification", "cutover", "rollback"}


@pytest.mark.parametrize("name", [*errors.VERDICTS, *errors.SDK])
def test_every_verdict_is_of_the_taxonomy_O11(name: str) -> None:
    verdict = (errors.VERDICTS | errors.SDK)[name]

    assert re.fullmatch(r"[a-z][a-z0-9_]{2,60}", verdict.code)
    assert verdict.category in CATEGORIES
    assert verdict.remedy or verdict.category != "prerequisite"


@pytest.mark.parametrize(
    ("code", "status", "expected", "retryable"),
    [
        ("ThrottlingException", 429, "throttled", True),
        ("RequestLimitExceeded", 503, "throttled", True),
        ("ServiceQuotaExceededException", 402, "quota_exceeded", True),
        ("ConflictException", 409, "conflict", True),
        ("AccessDeniedException", 403, "access_denied", False),
        ("UninitializedAccountException", 400, "mgn_not_initialised", False),
        ("SomethingNew", 500, "cloud_fault", True),
        ("SomethingNew", 400, "cloud_error", False),
    ],
)
def test_an_error_answer_is_sorted_O11(code: str, status: int, expected: str, retryable: bool) -> None:
    error = errors.refused("start_test", {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}})

    assert (error.problem.code, error.retryable) == (expected, retryable)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PT2.5S", 2.5), ("PT1H1M1S", 3661.0), ("P1DT1S", 86401.0), ("P0D", 0.0), (None, -1.0), ("", -1.0), ("P", -1.0), ("soon", -1.0)],
)
def test_durations_are_read(text: str | None, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://cmdb.example.org/api", True),
        ("https://cmdb.example.org/api/items", True),
        ("https://cmdb.example.org/apix", False),
        ("https://cmdb.example.org/api/../admin", False),
        ("https://cmdb.example.org.evil.example/api", False),
        ("https://cmdb.example.org@evil.example/api", False),
        ("http://cmdb.example.org/api", False),
        ("http://127.0.0.1:8080/x", True),
    ],
)
def test_requests_go_only_where_operators_allow(url: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIMBREL_PORT_URLS", "https://cmdb.example.org/api, http://cmdb.example.org/api, http://127.0.0.1:8080")

    assert allowed_url(url) is allowed


def work(fence: int) -> Assignment:
    request = MoveRequest(tenant="acme", migration="m", provider="aws_mgn", source={}, target={})
    step = Step(name="launch_test", phase="testing", kind="act")
    return Assignment(work_id="acme/m/9/-/apply/1", fence=fence, attempt=1, chunk="-", step=step, request=request, deadline=0)


def test_the_highest_of_the_fences_counts_whoever_wrote_last_O9() -> None:
    from libs.providers.aws_mgn.names import digest

    server = {"tags": {"whimbrel:fence:9": "someone", "whimbrel:fence:10": "other", "whimbrel:fence:x": "", "Name": "web"}}

    assert fences(server) == {9: "someone", 10: "other"}
    assert standing(server, work(10))
    assert not standing(server, work(9))
    with pytest.raises(Fenced):
        standing({"tags": {"whimbrel:fence:11": digest(work(1).work_id)}}, work(10))
