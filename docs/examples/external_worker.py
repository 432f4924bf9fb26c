"""A system of another make that works for Whimbrel: it verifies, does each thing once, survives a crash, and reports.

WHIMBREL_WEBHOOK_SECRET=whsec_... WHIMBREL_URL=... WHIMBREL_TOKEN=... (role reporter) python docs/examples/external_worker.py 9000
"""

import base64
import calendar
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["WHIMBREL_WEBHOOK_SECRET"].removeprefix("whsec_"))
API, TOKEN = os.environ["WHIMBREL_URL"], os.environ["WHIMBREL_TOKEN"]
DATABASE = sqlite3.connect(os.environ.get("WORKER_DATABASE", "worker.db"), check_same_thread=False, isolation_level=None)
DATABASE.executescript("""CREATE TABLE IF NOT EXISTS told (work TEXT, attempt INT, message TEXT, PRIMARY KEY (work, attempt));
    CREATE TABLE IF NOT EXISTS fence (migration TEXT PRIMARY KEY, seen INT); CREATE TABLE IF NOT EXISTS mailbox (name TEXT PRIMARY KEY)""")
LOCK = threading.Lock()


def genuine(headers, body):
    at, signatures = headers.get("webhook-timestamp", "0"), headers.get("webhook-signature", "").split()
    digest = hmac.new(KEY, f"{headers['webhook-id']}.{at}.".encode() + body, hashlib.sha256).digest()
    ours = "v1," + base64.b64encode(digest).decode()
    return abs(calendar.timegm(time.gmtime()) - int(at)) < 300 and any(hmac.compare_digest(ours, theirs) for theirs in signatures)


def do(kind, data):
    name, migration = data["parameters"]["name"], f"{data['tenant']}/{data['migration']}"
    with LOCK:  # what has a lower fence than was seen comes too late and must change nothing
        seen = DATABASE.execute("SELECT seen FROM fence WHERE migration = ?", (migration,)).fetchone()
        if seen and data["fence"] < seen[0]:
            return {"outcome": "failed", "problem": {"code": "fenced", "message": f"fence {seen[0]} was seen"}, "retryable": False}
        DATABASE.execute("INSERT OR REPLACE INTO fence VALUES (?, ?)", (migration, data["fence"]))
        if kind == "work.apply":
            DATABASE.execute("INSERT OR IGNORE INTO mailbox VALUES (?)", (name,))
        elif kind == "work.undo":
            DATABASE.execute("DELETE FROM mailbox WHERE name = ?", (name,))
        there = DATABASE.execute("SELECT count(*) FROM mailbox WHERE name = ?", (name,)).fetchone()[0] == 1
    if kind == "work.check" and data["kind"] == "check" and not there:
        return {"outcome": "failed", "problem": {"code": "no_mailbox", "message": f"there is no mailbox {name}"}}
    return {"outcome": "succeeded", "evidence": {"mailbox": name, "applied": there}}


def answer(message):
    data = message["data"]
    report = {"attempt": data["attempt"], "ticket": data["ticket"], **do(message["type"], data)}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    for pause in (1, 2, 5, 10, *[30] * 100):
        try:
            request = urllib.request.Request(API + data["report"], json.dumps(report).encode(), headers)  # noqa: S310 - the URL is ours
            urllib.request.urlopen(request, timeout=20)  # noqa: S310
            break
        except OSError as error:
            if getattr(error, "code", 500) < 500 and error.code != 429:
                break  # refused for good, e.g. 409: it came too late
        time.sleep(pause)
    DATABASE.execute("DELETE FROM told WHERE work = ? AND attempt = ?", (data["workId"], data["attempt"]))


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not genuine(self.headers, body):
            self.send_error(401)
            return
        message = json.loads(body)
        row = (message["data"]["workId"], message["data"]["attempt"], body.decode())
        DATABASE.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", row)  # before the answer: from now on it is ours
        self.send_response(202)
        self.end_headers()
        threading.Thread(target=answer, args=(message,), daemon=True).start()


for (text,) in DATABASE.execute("SELECT message FROM told").fetchall():
    threading.Thread(target=answer, args=(json.loads(text),), daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
