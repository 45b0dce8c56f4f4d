"""The ledger in PostgreSQL: one class, told by subject."""

from __future__ import annotations

from router.ledger.postgres.feedback import Feedback
from router.ledger.postgres.intake import MOST_TOGETHER, Intake
from router.ledger.postgres.pool import Database
from router.ledger.postgres.registry import Registry
from router.ledger.postgres.steering import Steering
from router.ledger.postgres.together import Together
from router.ledger.postgres.traces import Traces
from router.ledger.postgres.work import Work


class PostgresLedger(Intake, Traces, Work, Steering, Registry, Feedback):
    """`router.ledger.base.Ledger` on PostgreSQL 14 or later."""

    def __init__(self, url: str, size: int = 8) -> None:
        self._db = Database(url, size)
        self._spans = {}
        self._together = Together(self._accept_all, MOST_TOGETHER)

    def ping(self) -> None:
        self._db.rows("SELECT 1 WHERE NOT pg_is_in_recovery()")

    def check_durability(self) -> None:
        """Raises `UnsafeDurability` unless an acknowledged commit survives a crash."""
        self._db.check_durability()

    def close(self) -> None:
        self._db.close()
