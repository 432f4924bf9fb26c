"""The plan of a move: pure, from request and facts."""

from typing import Any

import msgspec

from libs.contracts.migration.plan import ACT, CHECK, Plan, Step
from libs.providers.aws_mgn.facts import Facts
from libs.providers.aws_mgn.options import Options, Source, parse, source_of, target_of
from libs.providers.base import MoveRequest

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
LAUNCH_MS = 15 * MINUTE_MS
"""What a launch is expected to take, for estimates only."""


def make_plan(request: MoveRequest, found: dict[str, Any]) -> Plan:
    """Derive the plan."""
    facts, source, options = msgspec.convert(found, Facts), source_of(request), parse(request)
    target = target_of(request)
    steps = _preparing(facts, source, options) + _replicating() + _testing(options) + _cutting_over(facts, options)
    return Plan(
        provider="aws_mgn",
        steps=tuple(steps + _finalising(facts, options)),
        summary=f"Move server {source.hostname} to EC2 in {target.region} (subnet {target.subnet_id}) by AWS Application Migration Service.",
        notes=tuple(_notes(facts, source, options)),
    )


def _act(name: str, phase: str, title: str, compensation: str, parameters: object = None, **more: Any) -> Step:
    settings: dict[str, Any] = {"attempts": 10, "timeout_ms": 5 * MINUTE_MS, "backoff_ms": 1_000, **more}
    encoded = "" if parameters is None else msgspec.json.encode(parameters).decode()
    return Step(name=name, phase=phase, kind=ACT, title=title, compensation=compensation, parameters=encoded, **settings)


def _check(name: str, phase: str, title: str, timeout_ms: int, **more: Any) -> Step:
    settings: dict[str, Any] = {"attempts": 3, "backoff_ms": 1_000, **more}
    return Step(name=name, phase=phase, kind=CHECK, title=title, timeout_ms=timeout_ms, **settings)


def _preparing(facts: Facts, source: Source, options: Options) -> list[Step]:
    phase = "preparing"
    undo = "Withdraw the order; disconnect the source server, whose agent then removes itself, and delete it from MGN."
    agent_ms = int(options.agent_hours * HOUR_MS)
    steps = [
        _act("hand_over_agent", phase, f"Say how to install the agent on {source.hostname}.", undo, attempts=30),
        _check("agent_appeared", phase, "The agent is installed: MGN knows the source server.", agent_ms, attempts=1),
    ]
    if options.factory:
        undo = "Give the server its former status in Cloud Migration Factory."
        steps.append(
            _act("factory_started", phase, "Tell Cloud Migration Factory that the server begins.", undo, {"before": facts.factory})
        )
    if source.instance_id:
        steps.append(_act("snapshot_source", phase, "Snapshot every volume of the source.", "Delete the snapshots."))
        steps.append(_check("snapshot_completed", phase, "The snapshots are complete.", DAY_MS))
    return steps


def _replicating() -> list[Step]:
    phase = "replicating"
    return [
        # A place of the quota may take hours to become free.
        _act("start_replication", phase, "See to it that the source replicates.", "Stop it if this migration started it.", attempts=500),
        _check("initial_sync", phase, "Everything has been copied once.", 30 * DAY_MS),
        _check("lag_low", phase, "The copy keeps up with the source.", DAY_MS),
    ]


def _testing(options: Options) -> list[Step]:
    phase = "testing"
    undo = "Make the former version of the launch template the default again and delete ours."
    ending = "End the test instance and delete its volumes."
    return [
        _act("configure_launch", phase, "Set subnet, security groups and tags of what is launched.", undo),
        _act("launch_test", phase, "Launch a test instance.", ending, attempts=30, estimate_ms=LAUNCH_MS),
        _check("test_launched", phase, "The test instance runs.", 2 * HOUR_MS),
        *([_check("test_healthy", phase, "The application answers on the test instance.", HOUR_MS)] if options.health else []),
        _act("mark_ready", phase, "Mark the server as ready for the cutover.", "Mark it as ready for another test."),
        _act("end_test", phase, ending, "Nothing: another test launches another instance.", attempts=30),
    ]


def _cutting_over(facts: Facts, options: Options) -> list[Step]:
    phase = "cutting_over"
    ending = "End the cutover instance and delete its volumes; the source has been running all the while."
    steps = [
        _check("cutover_lag_low", phase, "The copy is up to date.", HOUR_MS),
        _act("launch_cutover", phase, "Launch the instance that takes over.", ending, attempts=30, estimate_ms=LAUNCH_MS),
        _check("cutover_launched", phase, "The cutover instance runs, made from a fresh snapshot.", 2 * HOUR_MS),
        _check("cutover_healthy", phase, "The application answers, and replication still keeps up.", HOUR_MS),
    ]
    if options.dns:
        title, undo = f"Let {options.dns.name} lead to the cutover instance.", "Put the former record back."
        steps.append(_act("switch_dns", phase, title, undo, {"before": facts.record}))
    return steps


def _finalising(facts: Facts, options: Options) -> list[Step]:
    phase = "finalising"
    steps = []
    if options.cmdb:
        undo = "Give the fields their former values back."
        steps.append(_act("update_cmdb", phase, f"Tell the CMDB where {options.cmdb.item} is now.", undo, {"before": facts.item}))
    if options.decommission == "stop":
        steps.append(_act("stop_source", phase, "Stop the source.", "Start the source."))
    steps.append(_act("finalise", phase, "Finalise the cutover: replication ends for good.", "", point_of_no_return=True))
    steps.append(_act("archive", phase, "Archive the source server in MGN.", "", point_of_no_return=True))
    if options.factory:
        title = "Tell Cloud Migration Factory that the server has moved."
        steps.append(_act("factory_finished", phase, title, "", {"before": facts.factory}, point_of_no_return=True))
    return steps


def _notes(facts: Facts, source: Source, options: Options) -> list[str]:
    notes = [
        "Writes at the source after the cutover's last snapshot are lost: stop the application, but neither system nor agent, before you approve.",
        f"{facts.replicating} of {facts.replicating_quota} places for replicating servers were taken in this region at the inspection.",
    ]
    if not facts.quotas_known:
        notes.append("The account's quotas could not be read; the vendor's defaults are assumed.")
    if not source.instance_id:
        notes.append("No snapshot of the source is taken: it is not an EC2 instance. MGN only reads from it.")
    if not options.agents:
        notes.append("A person installs the agent; the command is in the evidence of hand_over_agent.")
    if not options.health:
        notes.append("No health probes were asked for: an instance counts as good when it runs.")
    if options.decommission == "keep":
        notes.append("The source keeps running; switching it off is left to its owner.")
    return notes
