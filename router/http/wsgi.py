"""The receiver as gunicorn loads it (`router.http.wsgi:app`), once, before it forks; nothing is opened here.

The ledger's pool opens in each worker (`begin`), for connections and threads do not survive a fork.
"""

from __future__ import annotations

from router import logs
from router.http.app import create_app
from router.http.services import assemble
from router.ledger.base import LedgerError, Unavailable
from router.ledger.postgres import PostgresLedger
from router.settings import Settings

settings = Settings.from_env()
logs.configure(settings.log_level)
log = logs.get(__name__)
ledger = PostgresLedger(settings.database_url, size=settings.web_threads)
app = create_app(assemble(settings, ledger))


def check() -> None:
    """Refuse to serve on a ledger that may lose what it acknowledges. One that is away is waited for with 503s."""
    probe = PostgresLedger(settings.database_url, size=1)
    try:
        probe.check_durability()
    except Unavailable as error:
        log.warning("the ledger is away; calls are answered 503 until it is back", error=str(error))
    except LedgerError as error:
        if not settings.allow_unsafe_durability:
            raise SystemExit(str(error)) from None
        log.warning("the ledger may lose what it acknowledges", error=str(error))
    finally:
        probe.close()


def begin() -> None:
    """Open this worker's pool, so that the first call does not wait for it."""
    try:
        ledger.ping()
    except LedgerError as error:
        log.warning("the ledger is away", error=str(error))


def end() -> None:
    ledger.close()
