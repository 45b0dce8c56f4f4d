"""Publishing under load: every delivery carries one version and what that version yields, and none is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from threading import Event
from typing import Any, NoReturn
from uuid import UUID

import pytest

from router.accept import Call, accept
from router.catalog import facts
from router.config import Config, NothingPublished
from router.ledger.base import Ledger, Unavailable
from router.ledger.memory import MemoryLedger
from router.ledger.postgres import PostgresLedger
from router.mapping import Mapped, MappingSet, Source, compile_set
from router.model import Action, Entity, Environment, new_request_id, record_index
from router.publish import publish
from tests.support.conditions import eventually
from tests.support.shop import CLIENT, PERSON, RENAMED, WITHOUT_CRM
from workers.lease import Leases
from workers.route import route
from workers.services import Tools

FILE = "shop/profile.person.yaml"
_MAIL = next(line for line in CLIENT.splitlines() if "mail: " in line).partition("mail: ")[2].removesuffix("}")


def sources(person: str, client: str = CLIENT) -> list[Source]:
    return [Source("shop/client.yaml", client), Source(FILE, person)]


MORE = (
    PERSON + "  push: {operation: send, map: {id: customer_id}}\n",
    CLIENT.replace("integrations: {crm:", f"integrations: {{push: {_MAIL}, crm:", 1),
)
VERSIONS = [sources(PERSON), sources(RENAMED), sources(WITHOUT_CRM), sources(*MORE)]
COMPILED = {made.digest: made for made in (compile_set(version, facts()) for version in VERSIONS)}

ACCEPTORS, ROUTERS = 3, 2
REQUESTS = 50  # of each acceptor, two records in each
PUBLICATIONS = 12


def hurried() -> Callable[[], float]:
    """A clock on which a minute passes between any two looks: each takes the configuration in force at that moment."""
    minutes = count(1)
    return lambda: 60.0 * next(minutes)


def call(names: Sequence[str]) -> Call:
    return Call(
        request_id=new_request_id(),
        client="shop",
        credential="AKIDEXAMPLE",
        environment=Environment.PRODUCTION,
        surface="v2",
        entity=Entity.PROFILE,
        action=Action.UPSERT,
        type="person",
        group="main",
        records=[{"customer_id": name, "name": f"Åsa {name}"} for name in names],
        many=True,
    )


def expected(version: MappingSet, data: Mapping[str, Any]) -> dict[str, str]:
    """Integration → the payload that a version yields of a record, as it is kept."""
    contract = version.contract("shop", "profile", "person", "main")
    assert contract is not None
    values, problems = contract.validate(data)
    assert problems == []
    made = {}
    for each in version.routes("shop", "main", "profile", "person"):
        outcome = each.map(values)
        assert isinstance(outcome, Mapped)
        made[each.integration.name] = json.dumps(outcome.payload, ensure_ascii=False, separators=(",", ":"))
    return made


def deliveries(ledger: Ledger, request: UUID) -> dict[tuple[int, str], str]:
    """(record, integration) → payload, of all that a request led to."""
    document = ledger.document(request)
    assert document is not None
    ids = [UUID(each["deliveryId"]) for record in document["records"] for each in record["deliveries"]]
    return {(record_index(each.delivery_id), each.integration): each.payload for each in ledger.replayable(ids)}


@dataclass
class Process:
    """A receiver or a worker with a configuration of its own."""

    ledger: Ledger
    config: Config

    def accept(self, *names: str) -> UUID:
        return accept(call(names), self.config.current(), self.ledger).request_id

    def route(self) -> int:
        """Plan what is due; returns how many chunks there were."""
        with closing(Leases(self.ledger, 30.0)) as leases:
            tools = Tools(self.ledger, self.config, _nobody, "tests", leases, lambda: False, lambda _: None)
            hints = [each for each in self.ledger.claim(10) if each.task == "route"]
            for hint in hints:
                route(hint.hint_id, tools)
        return len(hints)


def _nobody(destination: int) -> NoReturn:
    raise AssertionError(f"nothing is delivered here, to {destination} neither")


# ---- many at once ----------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(database_url: str) -> Iterator[PostgresLedger]:
    opened = PostgresLedger(database_url, size=ACCEPTORS + ROUTERS + 2)
    yield opened
    opened.close()


def test_publishing_under_load_loses_and_mixes_nothing(ledger: PostgresLedger) -> None:
    publish(ledger, VERSIONS[0], "tests", "0")
    published, accepted = Event(), Event()

    def publishing() -> None:
        for number in range(1, PUBLICATIONS + 1):
            publish(ledger, VERSIONS[number % len(VERSIONS)], "tests", str(number))
        published.set()

    def accepting(place: int) -> list[tuple[UUID, tuple[str, str]]]:
        receiver = Process(ledger, Config(ledger, clock=hurried()))
        kept = []
        for number in count():
            if number >= REQUESTS and published.is_set():
                return kept
            names = (f"{place}-{number}-a", f"{place}-{number}-b")
            kept.append((receiver.accept(*names), names))
        raise AssertionError

    def routing() -> None:
        worker = Process(ledger, Config(ledger, clock=hurried()))
        while not accepted.is_set():
            if not worker.route():
                accepted.wait(0.01)

    with ThreadPoolExecutor(ACCEPTORS + ROUTERS + 1) as pool:
        publisher = pool.submit(publishing)
        acceptors = [pool.submit(accepting, place) for place in range(ACCEPTORS)]
        routers = [pool.submit(routing) for _ in range(ROUTERS)]
        try:
            kept = [each for one in acceptors for each in one.result(timeout=240)]
        finally:
            accepted.set()
        for one in (publisher, *routers):
            one.result(timeout=120)

    last = Process(ledger, Config(ledger))
    eventually(lambda: not last.route() and not ledger.audit().by_state.get("unplanned"))
    versions: Counter[str] = Counter()
    for request, names in kept:
        document = ledger.document(request)
        assert document is not None
        version = COMPILED[document["mappingVersion"]]
        versions[version.digest] += 1
        assert deliveries(ledger, request) == {
            (index, integration): payload
            for index, name in enumerate(names)
            for integration, payload in expected(version, {"customer_id": name, "name": f"Åsa {name}"}).items()
        }
    assert len(versions) > 1, "publications met no traffic"
    audit = ledger.audit()
    assert (audit.accepted, audit.differences) == (2 * len(kept), [])
    assert len(kept) >= ACCEPTORS * REQUESTS


# ---- one at a time ---------------------------------------------------------------------------------------------------


class Registered:
    """A ledger that may be away, and says what was asked of it."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.away = False
        self.loaded: list[str] = []

    def publish(self, version: Sequence[Source]) -> str:
        return publish(self.ledger, version, "tests", "").digest

    def break_(self) -> None:
        """Puts a set in force that none of today's processes can load, as a newer release could."""
        self.ledger.publish("sha256:newer", {"shop/client.yaml": "client: shop\nnewer: true\n"}, [], "tests", "")

    def documents_of(self, digest: str) -> Any:
        self.loaded.append(digest)
        return self.ledger.documents_of(digest)

    def __getattr__(self, name: str) -> Any:
        if self.away:
            raise Unavailable("away")
        return getattr(self.ledger, name)


@pytest.fixture
def registry() -> Registered:
    return Registered()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(registry: Registered, clock: Clock) -> Config:
    return Config(registry, clock=clock)


def test_a_publication_is_taken_up_within_five_seconds(registry: Registered, config: Config, clock: Clock) -> None:
    for version in VERSIONS:
        digest = registry.publish(version)
        clock.now += 5.0
        assert config.current().set.digest == digest


def test_nothing_is_loaded_again_while_nothing_changes(registry: Registered, config: Config, clock: Clock) -> None:
    digest = registry.publish(VERSIONS[0])
    for _ in range(5):
        assert config.current().set.digest == digest
        clock.now += 5.0
    assert registry.loaded == [digest]


def test_going_back_takes_up_what_was(registry: Registered, config: Config, clock: Clock) -> None:
    first = registry.publish(VERSIONS[0])
    for version in (VERSIONS[1], VERSIONS[0]):
        clock.now += 5.0
        config.current()
        registry.publish(version)
    clock.now += 5.0
    assert config.current().set.digest == first
    assert config.current().publication.number == 3


def test_a_set_that_cannot_be_loaded_leaves_the_one_before(
    registry: Registered,
    config: Config,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    digest = registry.publish(VERSIONS[0])
    assert config.current().set.digest == digest
    registry.break_()
    capsys.readouterr()
    for _ in range(3):
        clock.now += 5.0
        assert config.current().set.digest == digest
    logged = caplog.text + capsys.readouterr().out
    (said,) = [line for line in logged.splitlines() if "not loadable" in line]
    assert "the previous one stays" in said
    assert "shop/client.yaml:2:1" in said
    healed = registry.publish(VERSIONS[1])
    clock.now += 5.0
    assert config.current().set.digest == healed


def test_a_process_that_has_none_before_says_what_is_wrong(registry: Registered, config: Config) -> None:
    with pytest.raises(NothingPublished, match="no mapping set is published"):
        config.current()
    registry.break_()
    for _ in range(2):
        with pytest.raises(NothingPublished, match="mapping set number 1 cannot be loaded"):
            config.renewed()


def test_a_ledger_that_is_away_leaves_what_is_known(registry: Registered, config: Config, clock: Clock) -> None:
    digest = registry.publish(VERSIONS[0])
    config.current()
    registry.away = True
    clock.now += 3600.0
    assert config.current().set.digest == digest


def test_payloads_are_those_of_the_version_even_after_two_more() -> None:
    """Whoever plans a record, and whenever: a process that has been there, and one that has only just begun."""
    ledger = MemoryLedger()
    publish(ledger, VERSIONS[1], "tests", "")
    there = Process(ledger, Config(ledger))
    today = planned(there, there.accept("c-1"))
    later = there.accept("c-1")
    for version in (VERSIONS[2], VERSIONS[3]):
        publish(ledger, version, "tests", "")
    assert planned(Process(ledger, Config(ledger)), later) == today
    version_then = compile_set(VERSIONS[1], facts())
    yielded = expected(version_then, {"customer_id": "c-1", "name": "Åsa c-1"})
    assert today == {(0, integration): payload for integration, payload in yielded.items()}


def planned(process: Process, request: UUID) -> dict[tuple[int, str], str]:
    process.route()
    return deliveries(process.ledger, request)
