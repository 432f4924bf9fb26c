"""The `external` provider: another system does the work. A verb tells it and hands the work over; the report comes from there."""

import base64
import binascii
from typing import NoReturn

from libs.contracts.migration.plan import Plan
from libs.contracts.values import Evidence, Problem
from libs.providers.base import Assignment, HandedOver, Inspection, MoveRequest, Progress, ProviderError
from libs.providers.credentials import BadReference, follow, is_reference
from libs.providers.external.message import message_of
from libs.providers.external.options import Options, WebhookOption, option_problems, parse, problem
from libs.providers.external.outside import Outside, Told
from libs.providers.external.planning import make_plan

FEWEST_SECRET_BYTES = 24
_SECRET_FIELD = "/options/webhook/secret"  # noqa: S105 - where a secret's reference stands
_FORM = "whsec_ and Base64 of 24 to 64 random bytes, as Standard Webhooks has it"


class ExternalProvider:
    """Holds nothing between calls: what was told is in the other system, what was answered on the log."""

    kind = "external"
    hands_over = True

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def inspect(self, request: MoveRequest) -> Inspection:
        """Check options, destination and secret; the other system is not asked."""
        problems = option_problems(request) or self._destination_problems(parse(request), request.tenant)
        return Inspection(facts={} if problems else {"steps": len(parse(request).steps)}, problems=tuple(problems))

    def plan(self, request: MoveRequest, inspection: Inspection) -> Plan:
        """The steps that the request names."""
        return make_plan(parse(request))

    async def apply(self, work: Assignment, progress: Progress) -> Evidence:
        """Tell that the step is to be done. Raises HandedOver once the other system has taken the message."""
        await self._hand_over(work)

    async def check(self, work: Assignment, progress: Progress) -> Evidence:
        """Tell that a check is to be made, or that an act is to be stopped and looked at. Raises HandedOver."""
        await self._hand_over(work)

    async def undo(self, work: Assignment, progress: Progress) -> Evidence:
        """Tell that the step is to be undone. Raises HandedOver."""
        await self._hand_over(work)

    async def _hand_over(self, work: Assignment) -> NoReturn:
        told = await self._tell(work, parse(work.request))
        if told.error:
            remedy = "look whether the other system runs and accepts the message"
            raise ProviderError("not_told", told.error, retryable=not told.final, remedy=remedy)
        raise HandedOver

    async def _tell(self, work: Assignment, options: Options) -> Told:
        payload = message_of(work, self._outside.ticket(work.work_id, work.attempt))
        if options.webhook is not None:
            return await self._outside.post(options.webhook.url, _secret(options.webhook, work.request.tenant), work.work_id, payload)
        assert options.kafka is not None, "inspect let only requests pass that say where"
        return await self._outside.publish(options.kafka.topic, f"{work.request.tenant}/{work.request.migration}", work.work_id, payload)

    def _destination_problems(self, options: Options, tenant: str) -> list[Problem]:
        found: list[Problem] = []
        if options.webhook is not None:
            if refused := self._outside.url_refusal(options.webhook.url):
                found.append(problem(refused, "give an address that webhooks may reach", "/options/webhook/url", "url_refused"))
            try:
                _secret(options.webhook, tenant)
            except ProviderError as error:
                found.append(error.problem)
        if options.kafka is not None and (refused := self._outside.topic_refusal(options.kafka.topic)):
            found.append(problem(refused, "use a topic that the operator allows for this", "/options/kafka/topic", "topic_refused"))
        try:
            self._outside.ticket("", 0)
        except ProviderError as error:
            found.append(error.problem)
        return found


def _secret(webhook: WebhookOption, tenant: str) -> str:
    """The signing secret behind the reference. Raises ProviderError, quoting no secret."""
    try:
        if not is_reference(webhook.secret):
            raise BadReference("the signing secret stands in the request")
        secret = follow(webhook.secret, tenant)
        prefix, mark, encoded = secret.partition("_")
        # Only what was made to sign: with a password as key, a message would let its receiver guess that password.
        if (prefix, mark) != ("whsec", "_") or len(base64.b64decode(encoded, validate=True)) < FEWEST_SECRET_BYTES:
            raise BadReference(f"{webhook.secret} holds no signing secret")
    except (BadReference, binascii.Error) as error:
        message = str(error) if isinstance(error, BadReference) else f"{webhook.secret} holds no signing secret"
        raise _bad_secret(message) from None
    return secret


def _bad_secret(message: str) -> ProviderError:
    error = ProviderError("signing_secret_unusable", message, category="validation", retryable=False)
    error.problem = problem(message, f"refer (env:NAME or file:/path) to {_FORM}", _SECRET_FIELD, "signing_secret_unusable")
    return error
