"""Downloads: only the files we know, complete or absent, said clearly when impossible."""

import functools
import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.embedded.artifacts import Artifact, fingerprint, read_artifacts
from deploy.embedded.errors import EnvironmentProblem, StackError
from deploy.embedded.install import Installed, install


class Mirror:
    """A Maven repository on loopback with one jar and one archive."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.requests = 0
        self.artifacts = [
            self._add("kafka", b"a jar", "jar"),
            self._add("registry", _archive({"quarkus-run.jar": b"runs"}), "tar.gz"),
        ]

    def _add(self, bundle: str, content: bytes, packaging: str) -> Artifact:
        path = self.path(bundle, packaging)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return Artifact(bundle, hashlib.sha256(content).hexdigest(), "org.example", bundle, "1.0", packaging=packaging)

    def path(self, bundle: str, packaging: str) -> Path:
        return self._root / "org" / "example" / bundle / "1.0" / f"{bundle}-1.0.{packaging}"


def _archive(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    served = Mirror(tmp_path / "served")

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests += not self.path.endswith(".sha1")
            super().do_GET()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path / "served")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WHIMBREL_MAVEN_URL", f"http://127.0.0.1:{server.server_port}/")
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetches_once_and_then_only_looks(mirror: Mirror) -> None:
    found = install(artifacts=mirror.artifacts)
    assert (found.kafka / "kafka-1.0.jar").read_bytes() == b"a jar"
    assert (found.registry / "quarkus-run.jar").read_bytes() == b"runs"
    assert (found.postgres / "initdb").exists()
    assert install(artifacts=mirror.artifacts) == found
    assert mirror.requests == 2


def test_two_at_once_fetch_once(mirror: Mirror) -> None:
    with ThreadPoolExecutor(4) as pool:
        found: list[Installed] = list(pool.map(lambda _: install(artifacts=mirror.artifacts), range(4)))
    assert len(set(found)) == 1
    assert mirror.requests == 2


def test_tampered_file_is_refused_and_nothing_is_left(mirror: Mirror, tmp_path: Path) -> None:
    expected = mirror.artifacts[0].sha256
    mirror.path("kafka", "jar").write_bytes(b"a tampered jar")
    with pytest.raises(EnvironmentProblem) as refused:
        install(artifacts=mirror.artifacts)
    actual = hashlib.sha256(b"a tampered jar").hexdigest()
    assert f"refused org.example:kafka:1.0:jar: its SHA-256 is {actual}, expected {expected}" in str(refused.value)
    assert [path.name for path in (tmp_path / "cache" / "whimbrel").iterdir()] == ["install.lock"]


def test_a_later_attempt_succeeds_after_a_refused_one(mirror: Mirror) -> None:
    mirror.path("kafka", "jar").write_bytes(b"a tampered jar")
    with pytest.raises(EnvironmentProblem):
        install(artifacts=mirror.artifacts)
    mirror.path("kafka", "jar").write_bytes(b"a jar")
    assert (install(artifacts=mirror.artifacts).kafka / "kafka-1.0.jar").exists()


def test_archive_that_leaves_its_directory_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    bad = _archive({"../../escaped": b"x"})
    mirror.path("registry", "tar.gz").write_bytes(bad)
    kafka, registry = mirror.artifacts
    known = Artifact("registry", hashlib.sha256(bad).hexdigest(), registry.group, registry.name, "1.0", packaging="tar.gz")
    with pytest.raises(tarfile.TarError):
        install(artifacts=[kafka, known])
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://127.0.0.1:{port}/missing/"])
def test_without_network_the_missing_file_is_named(url: str, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    port = os.environ["WHIMBREL_MAVEN_URL"].rsplit(":", 1)[1].rstrip("/")
    monkeypatch.setenv("WHIMBREL_MAVEN_URL", url.format(port=port))
    with pytest.raises(EnvironmentProblem, match=r"cannot download org.example:kafka:1.0:jar .*WHIMBREL_MAVEN_URL"):
        install(artifacts=mirror.artifacts)


def test_another_list_is_another_installation(mirror: Mirror) -> None:
    assert fingerprint(mirror.artifacts) != fingerprint(mirror.artifacts[:1])
    assert fingerprint(mirror.artifacts) == fingerprint(mirror.artifacts[::-1])


def test_committed_list_pins_every_file() -> None:
    listed = read_artifacts()
    assert {artifact.bundle for artifact in listed} == {"kafka", "registry"}
    assert all(len(artifact.sha256) == 64 and int(artifact.sha256, 16) for artifact in listed)
    assert any(artifact.name == "kafka_2.13" for artifact in listed)


def test_broken_list_is_named(tmp_path: Path) -> None:
    path = tmp_path / "artifacts.sha256"
    path.write_text("kafka abc\n")
    with pytest.raises(StackError, match=r"artifacts.sha256: cannot read the line 'kafka abc'"):
        read_artifacts(path)
