"""A wish becomes a command on the log, and when the caller waits for it, the decision becomes the answer."""

import asyncio
from typing import Any, NamedTuple

from libs.contracts.envelope import CommandEnvelope, key_of
from libs.contracts.refusal import CommandRefused
from libs.contracts.topics import commands_of
from libs.domain.catalogue import DECIDERS
from libs.domain.history import digest_of
from libs.edge.awaiting import Seen, answers
from libs.edge.decisions import Accepted, Decision, position_after, problem_of, status_after
from libs.edge.identity import command_id_of
from libs.edge.problems import HttpProblem, unavailable
from libs.edge.routing import Answer, Call, Outcome
from libs.edge.sending import TOO_LARGE
from libs.runtime.clock import new_id, now_us

_LOOK_AGAIN_S = (0.25, 0.5, 1.0, 2.0)
ACCEPTED = Outcome("On the log, not decided yet", Accepted, headers=("Location",))
DECIDED = Outcome(
    "Decided within the time that Prefer named", Decision, headers=("Location", "ETag", "Event-Position", "Preference-Applied")
)


class Wish(NamedTuple):
    """A command in the making. `created` tells that it brings something new into being; `location` is where to read about it.

    `command_id` and `correlation_id` are given where they do not follow from the request.
    """

    aggregate: str
    id: str
    body: Any
    location: str
    created: bool = False
    command_id: str = ""
    correlation_id: str = ""


def envelope_of(call: Call, wish: Wish) -> CommandEnvelope:
    """Envelope of a wish. Without an Idempotency-Key it is a new command each time."""
    tenant, key = call.principal.tenant, call.wishes.idempotency_key
    return CommandEnvelope(
        command_id=wish.command_id or (command_id_of(tenant, key) if key else new_id()),
        tenant=tenant,
        aggregate=wish.id,
        environment=call.edge.settings.environment,
        actor=call.principal.subject,
        correlation_id=wish.correlation_id or call.trace.correlation_id,
        occurred_at=now_us(),
        expected_version=call.wishes.expected_version,
    )


async def submit(call: Call, wish: Wish) -> Answer:
    """Send a command; wait for its decision as long as the caller would. Raises HttpProblem for a refusal and when Kafka is away."""
    call.edge.require_started()
    call.edge.lag.check()
    envelope = envelope_of(call, wish)
    if not call.wishes.wait_s:
        await _send(call, wish, envelope)
        return _accepted(wish, envelope)
    digest = digest_of(DECIDERS[wish.aggregate], wish.body)
    waiter = await call.edge.tail.wait_for(envelope.command_id, key_of(envelope.tenant, wish.id), digest)
    try:
        await _send(call, wish, envelope)
        events = await _decision(call, wish, envelope, digest, waiter.decision)
    finally:
        call.edge.tail.forget(waiter)
    return _decided(call, wish, envelope, events) if events else _accepted(wish, envelope)


async def _send(call: Call, wish: Wish, envelope: CommandEnvelope) -> None:
    topic = commands_of(call.edge.settings.prefix, wish.aggregate)
    record = call.edge.codec.command(topic, envelope, wish.body, call.trace.traceparent.encode())
    (outcome,) = await call.edge.sender.send([(topic, record)])
    if outcome == TOO_LARGE:
        raise HttpProblem("body_too_large")
    if outcome:
        raise unavailable("log_unavailable")


async def _decision(call: Call, wish: Wish, envelope: CommandEnvelope, digest: bytes, live: asyncio.Future[list[Seen]]) -> list[Seen]:
    """Events that answer the command: new ones from the log, or for a repeated key the old ones from the read model."""
    loop = asyncio.get_running_loop()
    until = loop.time() + call.wishes.wait_s
    pauses = iter(_LOOK_AGAIN_S)
    pause = _LOOK_AGAIN_S[-1]
    while (left := until - loop.time()) > 0:
        pause = next(pauses, pause)
        done, _ = await asyncio.wait([live], timeout=min(pause, left))
        if done:
            return live.result()
        earlier = await call.edge.read_side.decision(envelope.tenant, wish.aggregate, wish.id, envelope.command_id)
        found = [seen for seen in earlier if answers(seen.envelope, envelope.command_id, digest)]
        if found:
            return found
    return live.result() if live.done() else []


def _accepted(wish: Wish, envelope: CommandEnvelope) -> Answer:
    body = Accepted(id=wish.id, command_id=envelope.command_id, correlation_id=envelope.correlation_id)
    return Answer(body, 202, {"Location": wish.location})


def _decided(call: Call, wish: Wish, envelope: CommandEnvelope, events: list[Seen]) -> Answer:
    position, last = position_after(events), events[-1]
    first = events[0].body
    if isinstance(first, CommandRefused):
        raise problem_of(first, last.envelope.version, position)
    body = Decision(
        id=wish.id,
        command_id=envelope.command_id,
        correlation_id=last.envelope.correlation_id,
        events=[type(seen.body).__name__ for seen in events],
        version=last.envelope.version,
        status=status_after([seen.body for seen in events]),
        position=str(position),
    )
    headers = {
        "Location": wish.location,
        "ETag": f'"{body.version}"',
        "Event-Position": body.position,
        "Preference-Applied": f"wait={call.wishes.wait_s:.0f}",
    }
    return Answer(body, 201 if wish.created else 200, headers)
