"""Records on their way to being deliveries: all of a chunk in one statement, and none that holds up the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pytest
from structlog.testing import capture_logs

from router.config import ROUTE, Config
from router.ledger.base import Ledger
from router.ledger.memory import MemoryLedger
from router.mapping import Source
from router.model import Accepted, Action, Entity, Environment, NewRecord, NewRequest, identity_key, new_request_id
from router.publish import publish
from tests.workers.floor import LEASE, Flaky
from workers.channel import Channel
from workers.lease import Leases
from workers.route import route
from workers.services import Tools

PERSON = """
entity: profile
type: person
hard_id: [customer_id]
fields: {customer_id: {type: string}, email: {type: email, optional: true}}
deliver:
"""
TO = "  {name}: {{operation: send, when: {{field: email, exists: true}}, map: {{who: customer_id, email: email}}}}\n"


def sources(*integrations: str) -> list[Source]:
    """A client whose people go to these webhooks."""
    lines = "".join(
        f"      {name}: {{connector: webhook, personal_data: true, options: {{url: 'https://{name}.example/'}},"
        f" secrets: {{secret: key}}}}\n"
        for name in integrations
    )
    client = f"client: shop\ngroups:\n  main_group:\n    integrations:\n{lines}"
    person = PERSON + "".join(TO.format(name=name) for name in integrations)
    return [Source("shop/client.yaml", client), Source("shop/profile.person.yaml", person)]


class Desk:
    """A ledger with a published set, and a worker that plans."""

    def __init__(self, leases: Leases, flaky: Flaky) -> None:
        self.ledger = cast(Ledger, flaky)
        self.flaky = flaky
        self.config = Config(self.ledger)
        self.onward: list[Sequence[int]] = []
        self.tools = Tools(
            self.ledger,
            self.config,
            channel=lambda _: pytest.fail("nothing is sent"),
            worker="w",
            leases=leases,
            stopping=lambda: False,
            onward=self.onward.append,
        )

    def publish(self, *integrations: str) -> None:
        publish(self.ledger, sources(*integrations), "ada", "")

    def accept(self, *names: str, version: str | None = None) -> Accepted:
        """People who have an address, accepted under the set in force, or under another."""
        publication = self.ledger.publication()
        assert publication is not None
        numbers = {place.integration: number for number, place in self.ledger.destinations().items()}
        return self.ledger.accept(
            NewRequest(
                request_id=new_request_id(),
                client="shop",
                environment=Environment.PRODUCTION,
                surface="v2",
                group="main_group",
                entity=Entity.PROFILE,
                type="person",
                action=Action.UPSERT,
                mapping_version=version or publication.digest,
                credential="AKIDEXAMPLE",
                route=numbers[ROUTE],
                callback=None,
                records=[
                    NewRecord(
                        f'{{"customer_id":"{name}","email":"{name}@shop.example"}}',
                        identity_key("shop", "profile", "person", [name]),
                    )
                    for name in names
                ],
            )
        )

    def route(self) -> None:
        """Plan what is due."""
        for hint in self.ledger.claim(100):
            route(hint.hint_id, self.tools)

    def planned(self, accepted: Accepted) -> list[dict[str, str]]:
        """integration → state, for each record."""
        document = self.ledger.document(accepted.request_id)
        assert document is not None
        return [{each["integration"]: each["status"] for each in one["deliveries"]} for one in document["records"]]


def _nothing_is_sent(_: int) -> Channel:
    raise AssertionError("planning sends nothing")


@contextmanager
def a_desk() -> Iterator[Desk]:
    flaky = Flaky(MemoryLedger())
    leases = Leases(cast(Ledger, flaky), LEASE)
    try:
        yield Desk(leases, flaky)
    finally:
        leases.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with a_desk() as made:
        made.publish("crm")
        yield made


def test_a_record_becomes_a_delivery_for_each_integration(desk: Desk) -> None:
    desk.publish("crm", "shop-floor")
    accepted = desk.accept("ada", "grace")
    desk.route()
    assert desk.planned(accepted) == [{"crm": "pending", "shop-floor": "pending"}] * 2


def test_what_may_go_is_given_out(desk: Desk) -> None:
    desk.accept("ada", "grace", version="sha256:nobody-has-it")
    desk.route()
    desk.accept("ada", "grace")
    desk.route()
    numbers = {place.integration: number for number, place in desk.ledger.destinations().items()}
    assert desk.onward == [[], [numbers["crm"]]]


def test_a_stale_hint_does_nothing(desk: Desk) -> None:
    accepted = desk.accept("ada")
    (hint,) = desk.ledger.claim(100)
    route(hint.hint_id, desk.tools)
    route(hint.hint_id, desk.tools)
    assert desk.planned(accepted) == [{"crm": "pending"}]
    assert desk.ledger.audit().differences == []


def test_a_record_of_a_set_newer_than_ours_goes_to_its_new_integration_too(desk: Desk) -> None:
    desk.config.current()
    desk.publish("crm", "new")
    accepted = desk.accept("ada")
    desk.route()
    assert desk.planned(accepted) == [{"crm": "pending", "new": "pending"}]


def test_a_record_is_planned_under_the_set_it_was_accepted_with(desk: Desk) -> None:
    accepted = desk.accept("ada")
    desk.publish("crm", "new")
    desk.route()
    assert desk.planned(accepted) == [{"crm": "pending"}]


def test_a_record_that_cannot_be_planned_is_set_aside_and_the_others_are_not(desk: Desk) -> None:
    bad, good = desk.accept("ada", version="sha256:nobody-has-it"), desk.accept("grace")
    with capture_logs() as lines:
        desk.route()
    assert (desk.planned(bad), desk.planned(good)) == ([{"crm": "dead"}], [{"crm": "pending"}])
    assert "ada" not in repr(lines)
    assert desk.ledger.audit().differences == []


def test_a_record_that_kills_its_planner_twice_is_set_aside(desk: Desk) -> None:
    bad, good = desk.accept("ada"), desk.accept("grace")
    for _ in range(2):
        for hint in desk.ledger.claim(100):
            records = desk.ledger.start_route(hint.hint_id, "w", LEASE)
            if bad.request_id in {each.request_id for each in records}:
                desk.ledger.lost(hint.hint_id)
                assert desk.ledger.take_over(hint.hint_id) is None
            else:
                desk.ledger.planned(hint.hint_id, [])
    desk.route()
    assert desk.planned(bad) == [{"crm": "dead"}]
    assert desk.planned(good) == [{}]


def test_plans_are_held_while_the_ledger_is_away(desk: Desk) -> None:
    accepted = desk.accept("ada")
    desk.flaky.away("planned")
    desk.route()
    assert desk.planned(accepted) == [{"crm": "pending"}]


def test_plans_that_were_kept_without_our_hearing_of_it_are_kept_once(desk: Desk) -> None:
    accepted = desk.accept("ada")
    desk.flaky.away("planned", unheard=True)
    desk.route()
    assert desk.planned(accepted) == [{"crm": "pending"}]
    assert desk.ledger.audit().differences == []


def test_a_set_that_cannot_be_read_just_now_is_waited_for(desk: Desk) -> None:
    accepted = desk.accept("ada")
    desk.flaky.away("documents_of")
    desk.route()
    assert desk.planned(accepted) == [{"crm": "pending"}]
