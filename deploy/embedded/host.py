"""Checks of the machine and of the data directory, and who runs what."""

import errno
import fcntl
import json
import os
import pwd
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.errors import EnvironmentProblem

LAYOUT = 1
FREE_BYTES_NEEDED = 1024**3
_STATE_HOME = Path("/var/lib/whimbrel")
_CACHE_HOME = Path("/var/cache/whimbrel")


def require_space(path: Path) -> None:
    """Raise EnvironmentProblem unless the file system of `path` (which must exist) has 1 GiB free."""
    free = shutil.disk_usage(path).free
    if free < FREE_BYTES_NEEDED:
        raise EnvironmentProblem(f"only {free // 1024**2} MiB free at {path}: free at least 1024 MiB, or choose another place")


@contextmanager
def disk_errors_named(path: Path) -> Iterator[None]:
    """Turn a full disk or a forbidden write below `path` into an EnvironmentProblem that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EnvironmentProblem(f"the disk of {path} is full: free at least 1024 MiB, or choose another place") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise EnvironmentProblem(f"{error.filename or path} cannot be written: fix its permissions, or choose another place") from error
        raise


def open_data_dir(path: Path) -> str:
    """Create the data directory, or check that it is ours and of a layout we know; return its id.

    Raises EnvironmentProblem when it belongs to another user, is not writable or was made by a newer Whimbrel.
    """
    with disk_errors_named(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise EnvironmentProblem(f"{path} is, or lies below, a file: use another --data-dir") from error
    _require_owned(path)
    with disk_errors_named(path):
        # Servers that must not run as root pass through to their own directory below; nothing else is readable.
        path.chmod(0o711)
        marker = path / "layout.json"
        if not marker.exists():
            write_atomically(marker, json.dumps({"layout": LAYOUT, "id": secrets.token_hex(8)}))
        found = json.loads(marker.read_text())
    if found["layout"] > LAYOUT:
        made, known = found["layout"], LAYOUT
        raise EnvironmentProblem(
            f"{path} was made by a newer Whimbrel (layout {made}, this one knows {known}): upgrade, or use another --data-dir"
        )
    return str(found["id"])


def _require_owned(path: Path) -> None:
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise EnvironmentProblem(f"{path} belongs to user {_user_name(owner)}: run as that user, or use another --data-dir")
    if not os.access(path, os.W_OK | os.X_OK):
        raise EnvironmentProblem(f"{path} is not writable: fix its permissions, or use another --data-dir")


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def write_atomically(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner only."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file; the kernel lets go of it when we end, however that happens.

    Raises BlockingIOError when `wait` is false and another process holds it.
    """
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def cache_dir() -> Path:
    """Where downloaded servers are kept for this user: $XDG_CACHE_HOME/whimbrel or ~/.cache/whimbrel."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whimbrel"


def unprivileged() -> tuple[int, int] | None:
    """Who runs servers that refuse to run as root: None for an ordinary user, else (uid, gid) of `nobody`.

    `nobody` exists everywhere, so no account is added to the machine.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def open_to_all(path: Path) -> bool:
    """Whether every user can pass through `path` and all directories above it."""
    resolved = path.resolve()
    return all(parent.stat().st_mode & 0o001 for parent in (resolved, *resolved.parents) if parent.exists())


def server_home(data_dir: Path, data_id: str) -> Path:
    """Directory under which an unprivileged server's files live.

    The data directory itself, unless root started us and other users cannot reach it (below /root, say): then
    a directory of this data directory's own below /var/lib/whimbrel.
    """
    if unprivileged() is None or open_to_all(data_dir):
        return data_dir
    home = _STATE_HOME / data_id
    home.mkdir(parents=True, exist_ok=True)
    return home


def reachable_copy(source: Path, name: str) -> Path:
    """`source`, or when root runs us and other users cannot reach it, a copy of it that they can, made once."""
    if unprivileged() is None or open_to_all(source):
        return source
    copy = _CACHE_HOME / name
    if not copy.is_dir():
        _CACHE_HOME.mkdir(parents=True, exist_ok=True)
        fresh = _CACHE_HOME / f".{name}.{os.getpid()}"
        shutil.copytree(source, fresh, symlinks=True)
        try:
            fresh.rename(copy)
        except OSError:
            shutil.rmtree(fresh)
    return copy
