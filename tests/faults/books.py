"""Whether everything is there: what the client was promised, what the ledger says, what the providers hold."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from router.model import FINAL, State
from tests.faults.house import House
from tests.faults.load import Load
from tests.faults.shop import CALLBACKS, TO_ALL, Token, tokens_in

OF_LEDGER = """
SELECT p.integration, d.state, coalesce(d.reason, ''), c.data, d.attempts
FROM deliveries AS d JOIN destinations AS p USING (destination_id)
JOIN records AS c ON c.record_id = (left(d.delivery_id::text, 31) || '00000')::uuid
JOIN requests AS r ON r.request_id = d.request_id
WHERE p.kind = 'deliver' AND r.group_key = %s
"""
NOT_REPEATABLE = frozenset({"sendios"})
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of one record at one integration. outcomes: of its attempts, in order."""

    state: State
    reason: str
    outcomes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Books:
    """Of one load's records. entries: by integration and record. receipts: what each provider accepted, in its order.

    called_back: how often the end of each request was told.
    """

    entries: Mapping[str, Mapping[Token, Sequence[Entry]]]
    receipts: Mapping[str, Sequence[Token]]
    called_back: Mapping[UUID, int]

    def states(self, integration: str) -> Counter[str]:
        return Counter(entry.state.value for entries in self.entries[integration].values() for entry in entries)

    def in_state(self, integration: str, state: State) -> dict[Token, Entry]:
        found = self.entries[integration]
        return {token: entry for token, entries in found.items() for entry in entries if entry.state is state}

    def repeats(self, integration: str) -> Counter[Token]:
        """Records that a provider got more than once, with how many times too many."""
        return Counter({token: times - 1 for token, times in Counter(self.receipts[integration]).items() if times > 1})


@dataclass
class Figures:
    """What a fault came to, for the report. cut: `unknown` and not received, so cut before it left."""

    records: int
    accepted: int
    states: dict[str, dict[str, int]]
    repeats: dict[str, int]
    cut: int
    difference: int
    more: dict[str, Any] = field(default_factory=dict)


def read(house: House, load: Load, integrations: Sequence[str] = TO_ALL) -> Books:
    ours = {token for call in load.calls for token in call}
    entries: dict[str, dict[Token, list[Entry]]] = {name: defaultdict(list) for name in integrations}
    for integration, state, reason, data, attempts in house.query(OF_LEDGER, load.group):
        (token,) = tokens_in(json.loads(data)["name"])
        if token in ours and integration in entries:
            entries[integration][token].append(Entry(State(state), reason, [each["outcome"] for each in attempts]))
    receipts = {name: [token for token in _received(house, name) if token in ours] for name in integrations}
    return Books(entries, receipts, _called_back(house))


def _received(house: House, integration: str) -> Iterator[Token]:
    for call in house.received(integration):
        yield from tokens_in(json.dumps(call["body"]))


def _called_back(house: House) -> Counter[UUID]:
    calls = (call["body"] for call in house.received(CALLBACKS))
    return Counter(UUID(body["data"]["requestId"]) for body in calls if body["type"].startswith("request.completed"))


def balance(house: House, load: Load, integrations: Sequence[str] = TO_ALL) -> tuple[Books, Figures]:
    """Hold the three against each other; fails with everything that does not fit.

    What was promised has one delivery for each integration, in a final state; what is delivered was received; what was
    received was promised; what must not be repeated was not received twice; each request's end was called back.
    """
    books = read(house, load, integrations)
    differences = house.audit().differences
    faults = [*load.refused, *differences]
    for name in integrations:
        faults += [*_promises(books, load, name), *_strangers(books, load, name)]
        if name in NOT_REPEATABLE:
            faults += [f"{token} went to {name} {times + 1} times" for token, times in books.repeats(name).items()]
    if house.shape.groups[load.group].calls_back:
        ended = set(load.accepted.values())
        faults += [f"the end of request {each} was not called back" for each in ended if not books.called_back[each]]
    assert not faults, f"{len(faults)} things do not add up, such as:\n" + "\n".join(faults[:SHOWN])
    return books, figures(books, load, len(differences))


def figures(books: Books, load: Load, difference: int) -> Figures:
    return Figures(
        records=sum(map(len, load.calls)),
        accepted=len(load.accepted),
        states={name: dict(books.states(name)) for name in books.entries},
        repeats={name: books.repeats(name).total() for name in books.entries},
        cut=sum(len(books.in_state(name, State.UNKNOWN).keys() - set(books.receipts[name])) for name in books.entries),
        difference=difference,
    )


def _promises(books: Books, load: Load, name: str) -> Iterator[str]:
    """What is wrong with what was accepted for an integration."""
    received = Counter(books.receipts[name])
    for token in load.accepted:
        entries = books.entries[name].get(token, [])
        if len(entries) != 1:
            yield f"{token} has {len(entries)} deliveries to {name}"
            continue
        (entry,) = entries
        if entry.state not in FINAL:
            yield f"{token} to {name} is still {entry.state}"
        if entry.state is State.DELIVERED and not received[token]:
            yield f"{token} is delivered to {name}, which never got it"
        if received[token] > len(entry.outcomes):
            yield f"{name} got {token} {received[token]} times, in {len(entry.outcomes)} attempts"


def _strangers(books: Books, load: Load, name: str) -> Iterator[str]:
    """What nobody was promised."""
    for token in set(books.receipts[name]) - load.accepted.keys():
        yield f"{name} got {token}, which was not accepted"


def out_of_order(books: Books, integration: str) -> list[str]:
    """Records whose first receipt came before that of an earlier one of the same person."""
    latest: dict[int, Token] = {}
    wrong = []
    for token in dict.fromkeys(books.receipts[integration]):
        before = latest.get(token.person)
        if before is not None and before.version > token.version:
            wrong.append(f"{token} came to {integration} after {before}")
        else:
            latest[token.person] = token
    return wrong
