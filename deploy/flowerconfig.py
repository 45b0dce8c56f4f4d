"""Flower: `FLOWER_BASIC_AUTH=user:password celery -A workers.app flower --conf=deploy/flowerconfig.py`.

Flower is open to anyone unless told otherwise, and can run any task; so: a password (or FLOWER_AUTH with OAuth2),
nothing but looking, and the loopback interface, in front of which a proxy may stand (FLOWER_ADDRESS moves it). What it
shows of a task are ids. It forgets when it restarts; the ledger does not.
"""

import os
import sys

if not os.environ.get("FLOWER_BASIC_AUTH") and not os.environ.get("FLOWER_AUTH"):
    sys.exit("Flower needs a password: set FLOWER_BASIC_AUTH to user:password (or FLOWER_AUTH, with OAuth2)")

address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")
port = int(os.environ.get("FLOWER_PORT") or os.environ.get("PORT") or 5555)
read_only = True
persistent = False
max_tasks = 20_000
