"""The configuration item of a server: an HTTP resource read whole and changed by merge patch (RFC 7396)."""

from typing import Any

from libs.providers.aws_mgn.options import INSTANCE_ID, PRIVATE_IP, Cmdb
from libs.providers.aws_mgn.ports.http import ask
from libs.providers.base import ProviderError

Fields = dict[str, Any]


async def read(cmdb: Cmdb) -> Fields:
    """The fields that the move will set, as they are; null for those that are not there."""
    answer = await ask("GET", cmdb, cmdb.item, who="cmdb")
    # ServiceNow's table interface answers within "result".
    item = answer.get("result", answer) if isinstance(answer, dict) else None
    if not isinstance(item, dict):
        raise ProviderError("cmdb_refused", "the item is not a JSON object", retryable=False, remedy="correct the address")
    return {name: item.get(name) for name in cmdb.fields}


async def write(cmdb: Cmdb, fields: Fields) -> None:
    """Set fields; null removes one."""
    await ask("PATCH", cmdb, cmdb.item, fields, who="cmdb")


def wanted(cmdb: Cmdb, instance: str, address: str) -> Fields:
    """What the fields shall be at the cutover."""
    stands_for = {INSTANCE_ID: instance, PRIVATE_IP: address}
    return {name: stands_for.get(value, value) for name, value in cmdb.fields.items()}
