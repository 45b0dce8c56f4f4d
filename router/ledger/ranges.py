"""Times and shortened ids as ranges of ids: what a question about a stretch of time, or a prefix, has to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

LOWEST = UUID(int=0)
HIGHEST = UUID(int=(1 << 128) - 1)
_REST = (1 << 80) - 1


def id_at(moment: datetime) -> UUID:
    """The lowest id that something born in this millisecond can have (`uuid_at` in SQL)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def between(since: datetime | None, until: datetime | None) -> tuple[UUID, UUID]:
    """The ids born in a stretch of time: from the first, up to but without the second."""
    return LOWEST if since is None else id_at(since), HIGHEST if until is None else id_at(until)


def around(ids: Iterable[UUID]) -> tuple[UUID, UUID]:
    """The lowest and the highest id of all that was born in the milliseconds of these, or between them. The records and
    deliveries of a request carry its milliseconds, and so are around one another; its callbacks have their own."""
    known = sorted(ids)
    return (UUID(int=known[0].int & ~_REST), UUID(int=known[-1].int | _REST)) if known else (HIGHEST, LOWEST)


def beginning(prefix: str) -> tuple[UUID, UUID] | None:
    """The lowest and the highest id that begin with these hexadecimal digits, hyphens aside; None: no id can."""
    digits = prefix.replace("-", "").lower()
    if len(digits) > 32 or not set(digits) <= set("0123456789abcdef"):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
