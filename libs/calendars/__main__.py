"""Expand calendars that others wrote: a question as JSON in, an answer as JSON out. Ends by itself when a rule takes too long."""

import resource
import sys

import msgspec

from libs.calendars.asking import Answer, Question, Repeats
from libs.calendars.bounds import CalendarError, Span
from libs.calendars.files import freezes_of
from libs.calendars.recurrence import Recurrence, expanded

CPU_S = 5
MEMORY = 1 << 30


def answer(question: Question) -> Answer:
    """Expand every part, up to the first that is wrong."""
    spans: list[tuple[Span, ...]] = []
    for number, part in enumerate(question.parts):
        try:
            if isinstance(part, Repeats):
                found = expanded(Recurrence(part.rule, part.begins, part.zone, part.duration), question.now)
            else:
                found = freezes_of(part.text, part.zone, question.now)
        except CalendarError as error:
            return Answer(wrong=number, message=str(error))
        spans.append(tuple(found))
    return Answer(spans=tuple(spans))


def main() -> int:
    """Answer one question."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(answer(question)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
