"""Everything that can happen to the work, in any order, with what must be true after each step.

A step is something that the world does: a call comes in, a dispatcher claims, a hint is lost or doubled, a worker
starts, sends, finishes, dies or wakes up too late, a person pauses, replays, cancels, time passes. At the end of every
run the world is kind again, and everything must come to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from router.ledger.base import IdempotencyMismatch
from router.model import FINAL, DueDelivery, DueRecord, Health, Hint, State, Verdict
from tests.ledger.kit import LEASE, WORKER, Kit, idempotency, other, verdict

NAMES = ("ada", "grace", "joan")
INTEGRATIONS = ("crm", "erp")
NEVER = 10.0**9
OUTCOMES = (State.DELIVERED, State.RETRYING, State.DEAD, State.UNKNOWN, State.PENDING)

UNPLANNED = {"deliveryId": "", "status": "pending", "history": []}
Step = Callable[[st.DataObject], None]
Shown = Mapping[str, Any]
names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)


@dataclass
class Hand:
    """What a worker that started a hint holds.

    blocked: keys of which it may send no more, as one must be tried again. judge: it only judges what another held.
    gone: it was taken over, and does not know.
    """

    hint: Hint
    number: int
    records: Sequence[DueRecord] = ()
    deliveries: list[DueDelivery] = field(default_factory=list)
    blocked: set[UUID] = field(default_factory=set)
    judge: bool = False
    gone: bool = False

    def may_send(self, delivery: DueDelivery) -> bool:
        return not (self.gone or self.judge) and delivery.ordering_key not in self.blocked


class Machine(RuleBasedStateMachine):
    """kit: a ledger without work, with `crm` and `erp` published, both in small chunks."""

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self.kit = kit
        kit.publish(*(other(name, chunk=3, max_hints=2, order_limit=NEVER) for name in INTEGRATIONS))
        self.requests: list[UUID] = []
        self.keys: dict[str, list[str]] = {}
        self.hints: list[Hint] = []
        self.hands: list[Hand] = []
        self.histories: dict[str, list[Any]] = {}
        self.ended: dict[str, str] = {}
        self.steered: set[str] = set()
        self.numbers: set[int] = set()

    # ---- steps. Two rules and not one for each: hypothesis leaves rules out of a run, and then nothing gets far.

    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        """What happens when all is well."""
        steps: list[Step] = [self.accept, self.claim]
        steps += [self.start] * bool(self.hints)
        steps += [self.plan] * bool(self.having("route"))
        steps += [self.finish] * bool(self.having("deliver"))
        data.draw(st.sampled_from(steps[-3:]))(data)

    @rule(data=st.data())
    def trouble(self, data: st.DataObject) -> None:
        """What happens as well."""
        steps: list[Step] = [self.accept_once, self.wait, self.hold]
        steps += [self.lose_a_hint, self.double_a_hint] * bool(self.hints)
        steps += [self.send] * bool(self.having("deliver"))
        steps += [self.die] * any(not hand.gone for hand in self.hands)
        steps += [self.steer] * bool(self.histories)
        data.draw(st.sampled_from(steps))(data)

    @initialize(data=st.data(), requests=st.integers(1, 3))
    def begin_with_work(self, data: st.DataObject, requests: int) -> None:
        for _ in range(requests):
            self.accept(data)
        self.kit.plan(*INTEGRATIONS)

    # ---- what comes in

    def accept(self, data: st.DataObject) -> None:
        self.requests.append(self.kit.accept(*data.draw(names), callback=data.draw(st.booleans())).request_id)

    def accept_once(self, data: st.DataObject) -> None:
        given, key = data.draw(names), data.draw(st.sampled_from("xy"))
        once = idempotency(key, " ".join(given).encode())
        known = self.keys.setdefault(key, given)
        if known != given:
            with pytest.raises(IdempotencyMismatch):
                self.kit.accept(*given, idempotency=once)
            return
        accepted = self.kit.accept(*given, idempotency=once)
        if not accepted.replayed:
            self.requests.append(accepted.request_id)
        assert accepted.request_id in self.requests

    # ---- what dispatchers and the broker do

    def claim(self, data: st.DataObject) -> None:
        given = self.kit.claim(data.draw(st.integers(1, 4)))
        assert [hint.again for hint in given] == [hint.hint_id in self.numbers for hint in given]
        self.numbers |= {hint.hint_id for hint in given}
        self.hints += given

    def lose_a_hint(self, data: st.DataObject) -> None:
        self.hints.remove(data.draw(st.sampled_from(self.hints)))

    def double_a_hint(self, data: st.DataObject) -> None:
        self.hints.append(data.draw(st.sampled_from(self.hints)))

    # ---- what workers do

    def start(self, data: st.DataObject) -> None:
        hint = data.draw(st.sampled_from(self.hints))
        self.hints.remove(hint)
        self.begin(hint)

    def begin(self, hint: Hint) -> None:
        if hint.task == "route":
            records = self.kit.ledger.start_route(hint.hint_id, WORKER, LEASE)
            if records:
                self.take(Hand(hint, hint.hint_id, records=records))
        else:
            _, deliveries = self.kit.ledger.start_deliver(hint.hint_id, WORKER, LEASE)
            if deliveries:
                self.take(Hand(hint, hint.hint_id, deliveries=list(deliveries)))

    def take(self, hand: Hand) -> None:
        held = {each for other in self.hands if not other.gone for each in ids(other)}
        assert held.isdisjoint(ids(hand)), "two workers hold the same work"
        self.hands.append(hand)

    def having(self, task: str) -> list[Hand]:
        return [hand for hand in self.hands if hand.hint.task == task]

    def plan(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from(self.having("route")))
        state = data.draw(st.sampled_from((State.PENDING, State.PENDING, State.SKIPPED, State.DEAD)))
        self.hands.remove(hand)
        plans = [self.kit.planned(each, name, state=state) for each in hand.records for name in INTEGRATIONS]
        self.kit.ledger.planned(hand.number, plans)

    def send(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from(self.having("deliver")))
        leaving = [each.delivery_id for each in hand.deliveries if data.draw(st.booleans())]
        assert self.kit.ledger.leaving(hand.number, leaving, LEASE) != hand.gone

    def finish(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from(self.having("deliver")))
        done, verdicts = data.draw(st.booleans()), list(judged(hand, data))
        health = Health(blocked_for=5.0 if data.draw(st.booleans()) else 0.0)
        kept = self.kit.ledger.finish(hand.number, verdicts, health, done=done)
        assert kept == (0 if hand.gone else len(verdicts)), "an outcome was lost, or one too many was kept"
        ended = {each.delivery_id for each in verdicts}
        hand.deliveries = [each for each in hand.deliveries if each.delivery_id not in ended]
        if done or hand.gone:
            self.hands.remove(hand)

    def die(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from([hand for hand in self.hands if not hand.gone]))
        if data.draw(st.booleans()):
            self.kit.ledger.lost(hand.number)
        else:
            self.kit.later(LEASE + 1)
        self.take_over(hand)

    def take_over(self, hand: Hand) -> None:
        """The old worker does not know, and may still speak."""
        taken = self.kit.ledger.take_over(hand.number)
        hand.gone = True
        assert (taken is not None) == bool(hand.deliveries)
        if taken is not None:
            assert [each.delivery_id for each in taken.deliveries] == [each.delivery_id for each in hand.deliveries]
            self.hands.append(Hand(hand.hint, taken.hint_id, deliveries=list(taken.deliveries), judge=True))

    # ---- what time and people do

    def wait(self, data: st.DataObject) -> None:
        self.kit.later(data.draw(st.sampled_from((0.5, 6.0, 61.0))))

    def hold(self, data: st.DataObject) -> None:
        number = self.kit.numbers[data.draw(st.sampled_from(INTEGRATIONS))]
        match data.draw(st.sampled_from(("pause", "resume", "open", "half_open", "closed"))):
            case "pause":
                self.kit.ledger.pause([number], "ada")
            case "resume":
                self.kit.ledger.resume([number])
            case breaker:
                was = {"open": "closed", "half_open": "open", "closed": "half_open"}[breaker]
                self.kit.ledger.switch(number, was, breaker, 1, "many failed")

    def steer(self, data: st.DataObject) -> None:
        what = data.draw(st.sampled_from(("replay", "resolve", "cancel")))
        fitting = {
            "replay": sorted(self.ended),
            "resolve": sorted(id for id, state in self.ended.items() if state == State.UNKNOWN),
            "cancel": sorted(self.histories.keys() - self.ended.keys()),
        }
        known = fitting[what] or sorted(self.histories)
        chosen = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
        self.steered |= set(chosen)
        getattr(self.kit.ledger, what)([UUID(id) for id in chosen], "ada")

    # ---- what must be true

    @invariant()
    def all_is_well(self) -> None:
        self.it_balances()
        documents = [self.kit.document(id) for id in self.requests]
        deliveries = [
            {**delivery, "place": (at, record["index"]), "datatalksId": record["datatalksId"]}
            for at, document in enumerate(documents)
            for record in document["records"]
            for delivery in record["deliveries"] or [{**UNPLANNED, "integration": name} for name in INTEGRATIONS]
        ]
        self.histories_only_grow([each for each in deliveries if each["deliveryId"]])
        self.keys_go_out_in_order(deliveries)
        requests_end_with_their_last_delivery(documents)

    def it_balances(self) -> None:
        audit = self.kit.ledger.audit()
        assert not audit.differences, audit.differences
        assert audit.expected == sum(audit.by_state.values())

    def histories_only_grow(self, deliveries: Sequence[Shown]) -> None:
        for delivery in deliveries:
            id, history, status = delivery["deliveryId"], delivery["history"], delivery["status"]
            known = self.histories.get(id, [])
            assert history[: len(known)] == known, "what was tried was forgotten"
            assert id not in self.ended or id in self.steered or self.ended[id] == status, "what had ended changed"
            self.histories[id] = history
        self.ended = {each["deliveryId"]: each["status"] for each in deliveries if each["status"] in FINAL}
        self.steered.clear()

    def keys_go_out_in_order(self, deliveries: Sequence[Shown]) -> None:
        """Whatever a worker holds, nothing earlier of its key is owed but what it holds itself."""
        owed: dict[tuple[str, str], list[tuple[tuple[int, int], str]]] = {}
        for each in deliveries:
            if each["status"] not in FINAL and not any(one["outcome"] == "replayed" for one in each["history"]):
                owed.setdefault((each["integration"], each["datatalksId"]), []).append(
                    (each["place"], each["deliveryId"])
                )
        for hand in self.hands:
            held = {str(each.delivery_id) for each in hand.deliveries if hand.may_send(each)}
            for of_key in owed.values():
                carried = [id in held for _, id in sorted(of_key)]
                assert carried == sorted(carried, reverse=True), "a later delivery of a key went before an earlier one"

    def teardown(self) -> None:
        """A kind world: everybody finishes, nobody is paused, time passes. Everything must come to an end."""
        self.kit.ledger.resume(list(self.kit.numbers.values()))
        for hand in [*self.hands]:
            if not hand.gone:
                self.kit.ledger.lost(hand.number)
                self.take_over(hand)
        for hand in self.hands:
            self.kit.ledger.finish(hand.number, delivered(hand.deliveries), Health(), done=True)
        self.hands, self.hints = [], []
        for _ in range(200):
            audit = self.kit.ledger.audit()
            assert not audit.differences, audit.differences
            if not self.owed():
                return
            self.kit.later(61.0)
            self.kit.ledger.resume(list(self.kit.numbers.values()))
            for hint in self.kit.claim():
                self.begin(hint)
            for hand in self.hands:
                if hand.hint.task == "route":
                    plans = [self.kit.planned(each, name) for each in hand.records for name in INTEGRATIONS]
                    self.kit.ledger.planned(hand.number, plans)
                else:
                    self.kit.ledger.finish(hand.number, delivered(hand.deliveries), Health(), done=True)
            self.hands = []
        raise AssertionError(f"nothing more goes out, and these are owed: {self.owed()}")

    def owed(self) -> list[str]:
        return [place.integration for place in self.kit.ledger.places() if place.waiting]


def requests_end_with_their_last_delivery(documents: Sequence[Shown]) -> None:
    for document in documents:
        planned = all(record["deliveries"] for record in document["records"])
        ended = all(each["status"] in FINAL for record in document["records"] for each in record["deliveries"])
        assert (document["status"] == "accepted") == (not (planned and ended))
        told = [one["type"] for one in document["callbacks"] if one["type"].startswith("request.")]
        assert len(told) <= 1, "a client was told twice that its request was completed"


def judged(hand: Hand, data: st.DataObject) -> Iterator[Verdict]:
    """Verdicts as a worker comes to them: of each key in order, none behind one that is not sent or must go again."""
    passed = set(hand.blocked)
    for delivery in hand.deliveries:
        if delivery.ordering_key in passed or data.draw(st.booleans()):
            passed.add(delivery.ordering_key)
            continue
        state = data.draw(st.sampled_from(OUTCOMES))
        if state not in FINAL:
            passed.add(delivery.ordering_key)
            hand.blocked.add(delivery.ordering_key)
        yield verdict(delivery, state)


def ids(hand: Hand) -> set[UUID]:
    return {each.delivery_id for each in hand.deliveries} | {each.record_id for each in hand.records}


def delivered(deliveries: Iterable[DueDelivery]) -> list[Verdict]:
    return [verdict(each) for each in deliveries]
