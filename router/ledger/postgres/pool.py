"""One way to the database: a pool opened after the fork, short timeouts, and the driver's errors told as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from router.ledger.base import LedgerError, Unavailable
from router.ledger.postgres.deadline import Deadlines
from router.ledger.postgres.line import Line

ONE_CLAIM_AT_A_TIME = 0x436C61696D  # "Claim": the advisory lock that claims, and what they must not meet, take
# A statement that outlives these has met a sick database: its caller is told so instead of waiting.
STATEMENT_TIMEOUT = 5_000
LOCK_TIMEOUT = 2_000
# Classes of SQLSTATE: data, constraints, deadlocks, locks.
_OF_STATEMENT = frozenset({"22", "23", "40", "55"})
RECONNECT = 1.0
"""Seconds after which a ledger that was away is tried again at the latest, however long it was away."""
SPARE_FOR = 10.0
"""Seconds after which a connection that was not needed goes. Those of a pool are used in turn, and each keeps plans of
its own, which a processor that has just served the other does not have at hand."""
# Seconds in which the server would have answered, with its timeout if with nothing else: one statement, and several.
ANSWERED_WITHIN = STATEMENT_TIMEOUT / 1000 + 2.0
ALL_ANSWERED_WITHIN = 60.0
SESSION = (
    f"-c statement_timeout={STATEMENT_TIMEOUT} -c lock_timeout={LOCK_TIMEOUT} "
    "-c idle_in_transaction_session_timeout=10000 -c synchronous_commit=on -c timezone=UTC "
    # Tables that were empty when their plan was made are not empty under load: every statement goes by one index, and
    # never ands it with all the keys of another. What its parameters hold changes no plan, so there is one in each
    # connection: to plan the large statements of `work` anew takes thrice as long as to run them.
    "-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off -c plan_cache_mode=force_generic_plan"
)
CONNECTION = {
    "prepare_threshold": 0,  # a statement is planned with its first run, not once more with each of the first five
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": SESSION,
    "application_name": "router",
}


class Refused(Unavailable):
    """The server is well, and would not do this one statement: of its values, or of what others lock."""


class UnsafeDurability(LedgerError):
    """The server may lose what it has acknowledged."""


class Database:
    """A lazily opened pool. `size` connections at most; a caller waits a second for one, then meets `Unavailable`."""

    def __init__(self, url: str, size: int = 8) -> None:
        self._pool = ConnectionPool(
            url,
            connection_class=Line,
            kwargs={**CONNECTION, "autocommit": True},
            min_size=1,
            max_size=size,
            timeout=1.0,
            max_waiting=200,
            max_lifetime=3600,
            max_idle=SPARE_FOR,
            # The pool waits twice as long after each failure; one that gives up begins anew with the next call.
            reconnect_timeout=RECONNECT,
            open=False,
        )
        self._deadlines = Deadlines()

    @contextmanager
    def connection(self, within: float = ALL_ANSWERED_WITHIN) -> Iterator[Line]:
        """A connection in autocommit mode. Driver errors leave as `Unavailable`, our own SQLSTATEs as they are.

        within: seconds for all that is done with it.
        """
        try:
            if self._pool.closed:
                self._pool.open()
            connection = self._pool.getconn()
        except PoolTimeout:
            raise Unavailable("no connection to the ledger within a second") from None
        except psycopg.OperationalError as error:  # too many wait, or the process ends and has closed it for good
            raise Unavailable(f"no connection to the ledger: {type(error).__name__}") from None
        use = None
        try:
            use = self._deadlines.begin(connection, within)
            yield connection
        except psycopg.Error as error:
            if error.sqlstate is not None and error.sqlstate.startswith("RT"):
                raise
            refused = (error.sqlstate or "")[:2] in _OF_STATEMENT
            raise (Refused if refused else Unavailable)(_told(error)) from error
        finally:
            self._deadlines.end(use)
            if connection.closed:  # so are those that lie idle, each of which another caller would meet
                self._pool.drain()
            self._pool.putconn(connection)

    def rows(
        self, sql: str, params: Mapping[str, Any] | None = None, within: float = ANSWERED_WITHIN
    ) -> list[TupleRow]:
        """The rows of one statement, committed on return. The victim of a deadlock was undone, and goes again."""
        with self.connection(within) as connection:
            try:
                return connection.rows(sql, params)
            except psycopg.errors.DeadlockDetected:
                return connection.rows(sql, params)

    def check_durability(self) -> None:
        """Raises `UnsafeDurability` unless an acknowledged commit survives a crash."""
        settings: dict[str, str] = dict(
            self.rows(
                "SELECT name, setting FROM pg_settings"
                " WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
            )
        )
        off = sorted(name for name, setting in settings.items() if setting == "off")
        if off:
            raise UnsafeDurability(
                f"PostgreSQL runs with {', '.join(off)} off: a crash loses acknowledged requests. Turn it on, or set "
                "ROUTER_ALLOW_UNSAFE_DURABILITY=true and lose them knowingly."
            )

    def close(self) -> None:
        self._deadlines.close()
        self._pool.close()


def _told(error: psycopg.Error) -> str:
    """The driver's error without its DETAIL, which quotes values."""
    diagnosis = error.diag
    if error.sqlstate is None:
        return "the connection to the ledger failed"
    where = diagnosis.constraint_name or diagnosis.table_name or ""
    return f"the ledger answered {error.sqlstate} {type(error).__name__} {where}".strip()
