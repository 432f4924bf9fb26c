"""The plan of a request to an external system: the steps that the request names."""

import msgspec

from libs.contracts.migration.plan import Plan, Step
from libs.providers.external.options import Options, StepOption


def make_plan(options: Options) -> Plan:
    """Derive the plan from the options alone."""
    where = f"by webhook at {options.webhook.url.partition('?')[0]}" if options.webhook else f"on topic {_topic(options)}"
    return Plan(
        provider="external",
        steps=tuple(_step(step) for step in options.steps),
        summary=options.summary or f"{len(options.steps)} steps of another system, told {where}.",
        notes=("What the steps do, and that their undo undoes it, the other system answers for.",),
    )


def _step(option: StepOption) -> Step:
    fields = option.model_dump(exclude={"parameters"})
    parameters = msgspec.json.encode(option.parameters, order="sorted").decode() if option.parameters else ""
    return Step(**fields, parameters=parameters)


def _topic(options: Options) -> str:
    return options.kafka.topic if options.kafka else ""
