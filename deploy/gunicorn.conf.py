"""gunicorn for the receiver: `gunicorn -c deploy/gunicorn.conf.py router.http.wsgi:app`, all else from `ROUTER_*`.

Threads, not processes, wait for PostgreSQL: each worker has as many connections as threads. gunicorn and no other
server, for it keeps the raw request target, over which AWS signatures are made.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from router.settings import Settings

_settings = Settings.from_env()

bind = f"{_settings.host}:{_settings.port}"
worker_class = "router.http.worker.Worker"
workers = _settings.web_workers
threads = _settings.web_threads
preload_app = True
# A listener for each worker: sharing one, a worker that is quick to accept keeps all kept-alive connections to itself.
reuse_port = True
keepalive = 75
graceful_timeout = 30
limit_request_line = 8190  # the ids of users to delete are in the query
control_socket_disable = True
proc_name = "router"


def on_starting(server: Any) -> None:
    from router.http import wsgi

    # gunicorn's own lines as ours: through the root logger, which loading the application has set up.
    own = logging.getLogger("gunicorn.error")
    own.handlers.clear()
    own.propagate = True
    # Until gunicorn has set a worker's signals, the arbiter's handler, which is inherited, would swallow its SIGTERM:
    # the worker would go on to serve, and the whole receiver end only at graceful_timeout, by SIGKILL.
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    wsgi.check()


def post_fork(server: Any, worker: Any) -> None:
    from router.http import wsgi

    wsgi.begin()


def worker_exit(server: Any, worker: Any) -> None:
    from router.http import wsgi

    wsgi.end()
