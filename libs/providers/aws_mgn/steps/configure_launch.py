"""Step configure_launch: a version of the server's launch template with the target's network and the migration's tags.

MGN's own template names no subnet, and volumes that it launches outlive their instance; the tags find them again.
"""

from typing import Any

from libs.contracts.values import Evidence
from libs.providers.aws_mgn.finding import Server
from libs.providers.aws_mgn.move import Move
from libs.providers.aws_mgn.names import MIGRATION, VERSION, digest, tag_list
from libs.providers.base import ProviderError

Template = dict[str, Any]


async def do(move: Move, server: Server) -> Evidence:
    """Make the version, once for each work id, and make it the default."""
    template = await _template(move, server)
    versions = await _versions(move, template)
    default = next(one for one in versions if one["DefaultVersion"])
    ours = default["VersionDescription"].startswith(VERSION)
    if ours and wanted(move, default["LaunchTemplateData"]) == default["LaunchTemplateData"]:
        return {"launch_template": template, "version": default["VersionNumber"], "changed": False}
    before = default["VersionDescription"][len(VERSION) :] if ours else str(default["VersionNumber"])
    answer = await move.cloud.call(
        "ec2",
        "create_launch_template_version",
        LaunchTemplateId=template,
        ClientToken=digest(move.work.work_id),
        VersionDescription=f"{VERSION}{before}",
        LaunchTemplateData=wanted(move, default["LaunchTemplateData"]),
    )
    number = str(answer["LaunchTemplateVersion"]["VersionNumber"])
    await move.cloud.call("ec2", "modify_launch_template", LaunchTemplateId=template, DefaultVersion=number)
    return {"launch_template": template, "version": int(number), "changed": True}


async def revert(move: Move, server: Server) -> Evidence:
    """Make the former version the default again and delete ours."""
    template = await _template(move, server)
    versions = await _versions(move, template)
    ours = [one for one in versions if one["VersionDescription"].startswith(VERSION)]
    for one in ours:
        if one["DefaultVersion"]:
            before = one["VersionDescription"][len(VERSION) :]
            await move.cloud.call("ec2", "modify_launch_template", LaunchTemplateId=template, DefaultVersion=before)
    if ours:
        numbers = [str(one["VersionNumber"]) for one in ours]
        await move.cloud.call("ec2", "delete_launch_template_versions", LaunchTemplateId=template, Versions=numbers)
    return {"deleted_versions": len(ours), "changed": bool(ours)}


async def applied(move: Move, server: Server) -> bool:
    """Whether the default version is ours."""
    versions = await _versions(move, await _template(move, server))
    return any(one["DefaultVersion"] and one["VersionDescription"].startswith(VERSION) for one in versions)


def wanted(move: Move, data: Template) -> Template:
    """The template's data with subnet, security groups, instance type and tags of the move; everything else stays."""
    network = {**(data.get("NetworkInterfaces") or [{"DeviceIndex": 0}])[0], "SubnetId": move.target.subnet_id}
    network["Groups"] = list(move.target.security_group_ids)
    rest = list(data.get("NetworkInterfaces") or [])[1:]
    made: Template = {**data, "NetworkInterfaces": [network, *rest], "TagSpecifications": _tagged(move, data)}
    # Groups belong to the interface; EC2 refuses them in both places.
    made.pop("SecurityGroupIds", None)
    made.pop("SecurityGroups", None)
    if move.target.instance_type:
        made["InstanceType"] = move.target.instance_type
    return made


def _tagged(move: Move, data: Template) -> list[Template]:
    specified = {one["ResourceType"]: list(one.get("Tags", [])) for one in data.get("TagSpecifications", [])}
    for kind in ("instance", "volume"):
        others = [tag for tag in specified.get(kind, []) if tag["Key"] != MIGRATION]
        specified[kind] = [*others, *tag_list({MIGRATION: move.migration})]
    return [{"ResourceType": kind, "Tags": tags} for kind, tags in specified.items()]


async def _template(move: Move, server: Server) -> str:
    answer = await move.cloud.call("mgn", "get_launch_configuration", sourceServerID=server["sourceServerID"])
    if not answer.get("ec2LaunchTemplateID"):
        remedy = "open the server's launch settings in MGN once, so that it makes one"
        raise ProviderError("launch_template_missing", "the source server has no launch template", category="prerequisite", remedy=remedy)
    return str(answer["ec2LaunchTemplateID"])


async def _versions(move: Move, template: str) -> list[Template]:
    pages = move.cloud.pages("ec2", "describe_launch_template_versions", "LaunchTemplateVersions", "NextToken", LaunchTemplateId=template)
    return [{"VersionDescription": "", **one} async for one in pages]
