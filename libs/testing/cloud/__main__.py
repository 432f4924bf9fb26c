"""Run the stand-in cloud as a process of its own: `python -m libs.testing.cloud --seed 7 --books cloud.sqlite`.

Prints one JSON line with its address, the port of the launched applications and the variables that point the SDK to it.
"""

import argparse
import asyncio
import json
import signal
import sys

import msgspec

from deploy.embedded.ports import free_port
from libs.testing.cloud.chance import Script
from libs.testing.cloud.desks import TOKEN
from libs.testing.cloud.furniture import furnish
from libs.testing.cloud.server import REGION, opened, serving


async def _run(options: argparse.Namespace, script: Script) -> None:
    cloud = opened(options.seed, script, options.app_port or free_port(), options.books)
    machines = furnish(cloud.world, options.machines)
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with serving(cloud, options.port) as url:
        environment = {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "standin", "AWS_SECRET_ACCESS_KEY": "standin"}
        ready = {"url": url, "app_port": cloud.app_port, "token": TOKEN, "environment": environment, "machines": machines}
        print(json.dumps(ready), flush=True)
        await over.wait()


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m libs.testing.cloud", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--app-port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--machines", type=int, default=0)
    parser.add_argument("--books", default=":memory:", help="file that keeps the books")
    parser.add_argument("--script", default="{}", help="misfortune and durations, as JSON (see chance.Script)")
    options = parser.parse_args()
    try:
        script = msgspec.json.decode(options.script, type=Script)
    except msgspec.ValidationError as error:
        print(f"--script: {error}", file=sys.stderr)
        return 2
    asyncio.run(_run(options, script))
    return 0


if __name__ == "__main__":
    sys.exit(main())
