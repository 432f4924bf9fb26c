"""Who installs the agent: a person who is shown the command, or automation that is sent it."""

import shlex

from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.names import MIGRATION
from libs.providers.aws_mgn.ports.http import ask

PROGRAMS = {
    "linux": ("aws-replication-installer-init", "chmod +x {program} && sudo ./{program}"),
    "windows": ("AwsReplicationWindowsInstaller.exe", r".\{program}"),
}


def command(move: Move) -> str:
    """What must be run on the source, with credentials that may install agents in its environment."""
    program, start = PROGRAMS[move.source.os]
    tag = shlex.quote(f"{MIGRATION}={move.migration}")
    return f"{start.format(program=program)} --region {move.target.region} --no-prompt --tags {tag}"


def download(move: Move) -> str:
    """Where the installer is."""
    region = move.target.region
    return f"https://aws-application-migration-service-{region}.s3.{region}.amazonaws.com/latest/{move.source.os}/{PROGRAMS[move.source.os][0]}"


async def order(move: Move) -> None:
    """Send the command to the automation; the same order twice is one."""
    if move.options.agents is not None:
        body = {"work": move.work.work_id, "fence": move.work.fence, "hostname": move.source.hostname, "os": move.source.os}
        body |= {"command": command(move), "download": download(move)}
        await ask("PUT", move.options.agents, _path(move), body, who="agents", fence=move.work.fence)


async def withdraw(move: Move) -> None:
    """Tell the automation that the agent is no longer wanted."""
    if move.options.agents is not None:
        body = {"work": move.work.work_id, "fence": move.work.fence, "hostname": move.source.hostname}
        await ask("DELETE", move.options.agents, _path(move), body, who="agents", fence=move.work.fence)


def _path(move: Move) -> str:
    return move.migration.replace("/", ".", 1)
