"""Ask for a migration from Python and say what was decided. Needs WHIMBREL_URL and WHIMBREL_TOKEN."""

import os

from libs.cli.client import Api

api = Api(os.environ["WHIMBREL_URL"], os.environ["WHIMBREL_TOKEN"])
request = {"appName": "billing", "environment": "dev", "provider": "rehearsal", "source": {}, "target": {}}
decision = api.command("/v1/migrations", request, key="billing-2026-11").body  # the same key finds the same migration
print(decision["id"], decision["status"])
