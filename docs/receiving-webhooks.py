"""A receiver of Whimbrel's webhooks that verifies, does each thing once, and is not confused by an old message.

WHIMBREL_WEBHOOK_SECRET=whsec_... python docs/receiving-webhooks.py
"""

import os
import sqlite3

from aiohttp import web
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

TABLES = """
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS migration (id TEXT PRIMARY KEY, version INTEGER NOT NULL, status TEXT NOT NULL);
"""


def take(database: sqlite3.Connection, message: str, body: dict) -> bool:
    """Take a verified message in one transaction; False when it was here before."""
    data = body["data"]
    with database:
        if database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (message,)).rowcount == 0:
            return False
        if "status" in data:
            database.execute(
                "INSERT INTO migration VALUES (:migration, :version, :status) ON CONFLICT (id) DO UPDATE "
                "SET version = :version, status = :status WHERE version < :version",
                data,
            )
    return True


def application(secret: str, database: sqlite3.Connection) -> web.Application:
    """The receiver: 204 for what was taken or is known, 401 for what was not signed with our secret."""
    database.executescript(TABLES)
    verifier = Webhook(secret)

    async def receive(request: web.Request) -> web.Response:
        text = await request.text()
        try:
            body = verifier.verify(text, dict(request.headers))
        except WebhookVerificationError:
            return web.Response(status=401)
        take(database, request.headers["webhook-id"], body)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/webhooks", receive)
    return app


if __name__ == "__main__":
    web.run_app(application(os.environ["WHIMBREL_WEBHOOK_SECRET"], sqlite3.connect("webhooks.db")), host="127.0.0.1", port=9000)
