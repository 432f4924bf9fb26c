"""Rules and calendar files become intervals in a process of its own, which ends by itself when a rule takes too long."""

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from libs.calendars.asking import Answer, File, Question, Repeats
from libs.calendars.bounds import Span
from libs.edge.problems import HttpProblem, Wrong

_AT_ONCE = asyncio.Semaphore(2)
_LONGEST_S = 15.0


class Part(msgspec.Struct, frozen=True):
    """One rule or file, and the JSON Pointer of where the caller gave it."""

    pointer: str
    asked: Repeats | File


async def expanded(parts: Sequence[Part], now: int) -> list[tuple[Span, ...]]:
    """The intervals of each part. Raises HttpProblem 422 naming the part that is wrong, or that takes too long."""
    if not parts:
        return []
    question = msgspec.json.encode(Question(now=now, parts=tuple(part.asked for part in parts)))
    async with _AT_ONCE:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "libs.calendars", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(question), _LONGEST_S)
        except TimeoutError:
            said = b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if not said:
        raise wrong("", "too_costly", "a rule or file took too long to expand; does its rule ever come true? Make it simpler")
    answer = msgspec.json.decode(said, type=Answer)
    if answer.message:
        raise wrong(parts[answer.wrong].pointer, "no_calendar", answer.message)
    return list(answer.spans)


def wrong(pointer: str, code: str, detail: str) -> HttpProblem:
    """The problem that one value of the body is."""
    found: Wrong = {"pointer": pointer, "code": code, "detail": detail}
    return HttpProblem("invalid_request", detail, errors=[found])
