"""What providers tell later, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from router.ledger.feedback import MATCHED_WITHIN, FeedbackRow, KeptFeedback, MatchedBy, NewFeedback
from router.ledger.memory.store import Delivery, Store, Told
from router.ledger.ranges import id_at
from router.model import delivery_id

WEEK = timedelta(days=7)
SKEW = timedelta(minutes=1)
EPOCH = datetime.fromtimestamp(0, UTC)


class Feedback:
    """`router.ledger.feedback.Feedback`."""

    _store: Store

    def keep_feedback(self, destination: int, told: Sequence[NewFeedback]) -> KeptFeedback:
        store = self._store
        with store.lock:
            new: dict[UUID, Told] = {}
            for one in told:
                repeats = (_id(one.key, store.now() - ago) for ago in (timedelta(0), WEEK))
                if not any(id in store.feedback for id in repeats):
                    id = _id(one.key, store.now())
                    new.setdefault(id, Told(id, one, destination, store.now()))
            found = [each for each in new.values() if self._match(each)]
            store.feedback |= new
            self._tell(found)
            return KeptFeedback(len(new), len(found))

    def match_feedback(self) -> int:
        store = self._store
        with store.lock:
            since = store.now() - timedelta(seconds=MATCHED_WITHIN)
            waiting = [one for one in store.feedback.values() if one.delivery_id is None and one.received_at > since]
            found = [one for one in waiting if self._match(one)]
            self._tell(found)
            return len(found)

    def feedback(self, destination: int, limit: int) -> list[FeedbackRow]:
        with self._store.lock:
            told = [one for one in self._store.feedback.values() if one.destination == destination]
            latest = sorted(told, key=lambda one: one.received_at, reverse=True)
            return [feedback_row(one) for one in latest[:limit]]

    def _match(self, told: Told) -> bool:
        for how, ids in self._ways(told):
            if id := max(ids, default=None):
                told.delivery_id, told.matched_by = id, how
                return True
        return False

    def _ways(self, told: Told) -> Iterator[tuple[MatchedBy, Iterable[UUID]]]:
        """Every way to find its delivery, the surest first, with those it leads to."""
        store, given = self._store, told.given
        mine = {id: one for id, one in store.deliveries.items() if one.destination == told.destination}
        yield MatchedBy.DELIVERY, [id for id in mine if id == given.delivery]
        before = id_at(min(max(given.at or store.now(), EPOCH), store.now()) + SKEW)
        if given.person is not None:
            yield MatchedBy.PROVIDER_ID, [id for id in mine if id < before and mine[id].provider_id == given.person]
            earlier = [one for one in store.feedback.values() if one.destination == told.destination]
            ids = [one.delivery_id for one in earlier if one.delivery_id and one.given.person == given.person]
            yield MatchedBy.EARLIER, [id for id in ids if id < before]
        yield MatchedBy.IDENTITY, [id for id in self._of_people(given, mine, told.destination) if id < before]

    def _of_people(self, given: NewFeedback, mine: dict[UUID, Delivery], destination: int) -> list[UUID]:
        """What was delivered here of the records that the identities name."""
        people = {self._store.identities.get(key) for key in given.identities}
        records = [one.record_id for one in self._store.records.values() if one.datatalks_id in people]
        ids = [delivery_id(record, destination) for record in records]
        return [id for id in ids if id in mine and mine[id].payload is not None]

    def _tell(self, found: Sequence[Told]) -> None:
        for one in sorted(found, key=lambda one: (one.given.at or one.received_at, one.feedback_id)):
            assert one.delivery_id is not None
            request_id = self._store.deliveries[one.delivery_id].request_id
            self._store.call_back(
                request_id, "delivery.feedback", str(one.delivery_id), feedbackId=str(one.feedback_id)
            )


def feedback_row(one: Told) -> FeedbackRow:
    given = one.given
    return FeedbackRow(
        one.feedback_id,
        given.event,
        given.original,
        given.at,
        given.detail,
        one.received_at,
        one.delivery_id,
        one.matched_by,
    )


def _id(key: UUID, moment: datetime) -> UUID:
    """The week, and the digest of what was said."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    week = id_at(day - timedelta(days=day.weekday()))
    return UUID(int=week.int | key.int & ((1 << 80) - 1))
