"""The stand-in cloud refuses what the vendor's models do not allow, and keeps its books through a kill."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from libs.testing.cloud.models import Call, Refused, misfits, service
from libs.testing.cloud.reading import read
from libs.testing.cloud.writing import DoesNotFit, answer, refusal

SIGNED = {
    service_name: {
        "authorization": f"AWS4-HMAC-SHA256 Credential=a/20260101/eu-central-1/{service_name}/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
    }
    for service_name in ("mgn", "ec2")
}


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/StartTests", b"{}", "no operation"),
        ("/StartTest", b"{}", "required"),
        ("/StartTest", b'{"sourceServerIDs": []}', "outside"),
        ("/StartTest", b'{"sourceServerIDs": ["s-1"]}', "outside"),
        ("/StartTest", b'{"sourceServerIDs": ["s-0123456789abcde!!"]}', "does not match"),
        ("/StartTest", b'{"sourceServerIDs": ["s-0123456789abcdefg"], "force": true}', "unknown"),
        ("/ChangeServerLifeCycleState", b'{"sourceServerID": "s-0123456789abcdefg", "lifeCycle": {"state": "TESTING"}}', "not one of"),
    ],
)
def test_a_request_outside_the_model_is_refused(path: str, body: bytes, word: str) -> None:
    with pytest.raises(Refused, match=word):
        read("POST", path, SIGNED["mgn"], body)


def test_an_unsigned_request_is_refused() -> None:
    with pytest.raises(Refused, match="not signed"):
        read("POST", "/DescribeJobs", {}, b"{}")


def test_an_unknown_parameter_of_ec2_is_refused() -> None:
    with pytest.raises(Refused, match="no parameter Speed"):
        read("POST", "/", SIGNED["ec2"], b"Action=DescribeVolumes&Version=2016-11-15&Speed=9")


def test_an_answer_or_error_outside_the_model_is_never_sent() -> None:
    model = service("mgn")
    call = Call(model, model.operation_model("StartTest"), {})

    with pytest.raises(DoesNotFit):
        answer(call, {"job": {"jobID": "mgnjob-0123456789abcdefg", "status": "DONE"}}, "r")
    with pytest.raises(DoesNotFit):
        refusal(model, call, Refused("ServiceQuotaExceededException", "no"), "r")
    assert misfits({"job": {"jobID": "mgnjob-0123456789abcdefg", "status": "COMPLETED"}}, call.operation.output_shape) == []


def started(books: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "libs.testing.cloud", "--seed", "3", "--machines", "2", "--books", str(books)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "."},
    )
    assert process.stdout is not None
    ready: dict[str, str] = json.loads(process.stdout.readline())
    return process, ready


def test_the_books_of_a_process_outlive_its_kill(tmp_path: Path) -> None:
    books = tmp_path / "books.sqlite"
    process, ready = started(books)
    order = {"work": "w", "fence": 4, "hostname": "machine-1", "command": "x --region eu-central-1 --tags whimbrel:migration=acme/m"}
    try:
        sent = httpx2.put(f"{ready['url']}/agents/acme.m", json=order, headers={"Authorization": f"Bearer {ready['token']}"})
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    process, ready = started(books)
    try:
        kept = httpx2.get(f"{ready['url']}/_books").json()["books"]
        left = httpx2.post(f"{ready['url']}/_leaks", json={"completed": []}).json()
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
        process.stdout.close()

    assert sent.status_code == 202
    assert [server["hostname"] for server in kept["server"].values()] == ["machine-1"]
    assert {one["name"] for one in kept["ci"].values()} == {"machine-1", "machine-2", "machine-3", "machine-4"}
    assert [one.partition(" ")[0] for one in left] == ["order", "source"]


def test_a_bad_script_is_one_line_and_no_traceback() -> None:
    command = [sys.executable, "-m", "libs.testing.cloud", "--script", '{"throttled": "much"}']

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
