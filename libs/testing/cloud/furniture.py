"""An account that is ready for servers: networks, templates, a zone, and the records of the machines to move."""

from libs.testing.cloud.books import Document
from libs.testing.cloud.world import World

SUBNETS = ("subnet-0a00000000000001", "subnet-0a00000000000002")
GROUPS = ("sg-0a00000000000001", "sg-0a00000000000002")
VPC, ZONE, DOMAIN = "vpc-0a00000000000001", "Z0STANDIN1", "example.org."


def furnish(world: World, machines: int, wave: str = "1") -> list[Document]:
    """Prepare the account once, and as many machines more; answers what each is called in each place."""
    put = world.books.put
    if not world.books.get("account", "mgn"):
        put("account", "mgn", {"initialised": True})
        for key in SUBNETS:
            put("subnet", key, {"id": key, "vpc": VPC, "free": 4_000, "cidr": "10.0.0.0/20"})
        for key in GROUPS:
            put("security group", key, {"id": key, "vpc": VPC})
        put("zone", ZONE, {"id": ZONE, "name": DOMAIN, "records": {}})
        template = {"replicationConfigurationTemplateID": "rct-0a000000000000001", "stagingAreaSubnetId": SUBNETS[0]}
        put("replication template", "1", {**template, "replicationServersSecurityGroupsIDs": [GROUPS[0]]})
        put("launch template default", "1", {"launchConfigurationTemplateID": "lct-0a000000000000001"})
    return [_machine(world, world.books.count("machine"), wave) for _ in range(machines)]


def _machine(world: World, number: int, wave: str) -> Document:
    put, name, key = world.books.put, f"machine-{number}", f"i-{number:017x}"
    volume = f"vol-{number:017x}"
    put("instance", key, {
        "id": key, "job": "", "server": "", "launched_at": 1, "gone_at": 0, "stopped": False, "address": f"10.9.{number // 250}.{number % 250}",
        "volume": volume, "tags": {}, "subnet": SUBNETS[1], "groups": [], "type": "m5.large", "stage": "", "healthy": True, "migration": "",
    })  # fmt: skip
    put("volume", volume, {"id": volume, "instance": key, "tags": {}, "bytes": 2**33})
    put("ci", name, {"name": name, "location": "basement", "status": "live"})
    put("factory wave", wave, world.books.get("factory wave", wave) or {"wave_id": wave, "wave_status": "Not started"})
    put("factory app", str(number), {"app_id": str(number), "wave_id": wave})
    put("factory server", str(number), {"server_id": str(number), "app_id": str(number), "migration_status": "Not started"})
    zone = world.books.get("zone", ZONE)
    assert zone is not None
    record = {"Name": f"{name}.{DOMAIN}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": f"192.0.2.{number % 250}"}]}
    put("zone", ZONE, {**zone, "records": {**zone["records"], f"{record['Name']} A": record}})
    return {"hostname": name, "instance": key, "ci": name, "factory_server": str(number), "factory_wave": wave, "record": record["Name"]}
