"""From the ledger to a provider and back, by every connector: what its answers come to in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from math import ceil, log2
from typing import Any

import pytest

from connectors.http import HttpWire
from connectors.registry import connector, load
from connectors.sandbox.server import Sandbox
from tests.connectors.speaking import kept, speaking, stand_in, wire
from tests.workers.floor import LEASE, WORKER, Floor, floor

OPERATIONS = [(name, operation) for name in sorted(load()) for operation in connector(name).operations]
DAY = 24 * 3600.0


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def line() -> Iterator[HttpWire]:
    with closing(wire()) as made:
        yield made


def planned(work: Floor, operation: str, payloads: Sequence[Mapping[str, Any]]) -> None:
    """A delivery with each payload, each about somebody else."""
    work.accept(*[f"c-{number}" for number, _ in enumerate(payloads)])
    (hint,) = work.kit.claim()
    records = work.kit.ledger.start_route(hint.hint_id, WORKER, LEASE)
    plans = [
        replace(work.kit.planned(record, "crm"), operation=operation, payload=json.dumps(payload))
        for record, payload in zip(records, payloads, strict=True)
    ]
    work.kit.ledger.planned(hint.hint_id, plans)


def deliver(work: Floor) -> int:
    """Whatever is due; how many chunks that was."""
    hints = work.kit.claim()
    for hint in hints:
        work.deliver(hint)
    return len(hints)


def after(work: Floor, seconds: float) -> int:
    work.kit.later(seconds)
    return deliver(work)


# ---- committed, then dropped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=map("-".join, OPERATIONS))
def test_what_was_done_but_not_answered_has_one_effect(
    sandbox: Sandbox, line: HttpWire, name: str, operation: str
) -> None:
    """Delivered by a repeat that changes nothing, or else `unknown` and not repeated."""
    first, promise = next(iter(connector(name).operations)), connector(name).operations[operation]
    effects = []
    for mode in ("ok", "commit_then_drop"):
        sandbox.clear()
        speaker = speaking(name, sandbox, line)
        with floor(connector=speaker) as work:
            planned(work, first, [stand_in(name).SAMPLES[first]])  # tokens, and somebody to be known by the provider
            deliver(work)
            planned(work, operation, [stand_in(name).SAMPLES[operation]])
            sandbox.scenario(name, mode, 1)
            deliver(work)
            after(work, DAY)
            assert deliver(work) == 0, "it is finished"
            *_, state = work.states()
            attempts = len(work.deliveries()[-1]["history"])
        effects.append(kept(sandbox.provider(name)))
    assert (state, attempts) == (("delivered", 2) if promise.repeat_safe else ("unknown", 1))
    assert effects[0] == effects[1]


# ---- batches and waiting ---------------------------------------------------------------------------------------------


def test_a_thousand_contacts_of_which_seven_are_bad(sandbox: Sandbox, line: HttpWire) -> None:
    """993 delivered, 7 dead for the provider's reason, and at most 7 x 2 x log2(400) extra calls."""
    bad = {3, 4, 250, 399, 400, 777, 999}
    emails = ["nowhere" if number in bad else f"c{number}@example.com" for number in range(1000)]
    with floor(connector=speaking("salesmanago", sandbox, line, timeout=60.0), at_once=1) as work:
        planned(work, "upsert_contact", [{"contact": {"email": email}} for email in emails])
        deliver(work)
        while after(work, DAY):
            pass
        ended = work.deliveries()
    dead = {number for number, delivery in enumerate(ended) if delivery["status"] == "dead"}
    assert dead == bad
    assert all("not a valid e-mail address" in ended[number]["history"][-1]["reason"] for number in bad)
    assert [delivery["status"] for delivery in ended].count("delivered") == 993
    assert sandbox.calls("salesmanago") - ceil(1000 / 400) <= 7 * 2 * log2(400)


def tried(work: Floor) -> list[int]:
    """The seconds, of the first two hundred, in which something is sent."""
    return [second for second in range(200) if after(work, 1.0 if second else 0.0)]


@pytest.mark.parametrize("operation", ["upsert_user", "post_event"])
def test_a_400_of_parcelvoy_is_believed_after_three_tries_in_two_minutes(
    sandbox: Sandbox, line: HttpWire, operation: str
) -> None:
    sandbox.scenario("parcelvoy", "broken")
    with floor(connector=speaking("parcelvoy", sandbox, line)) as work:
        planned(work, operation, [stand_in("parcelvoy").SAMPLES[operation]])
        assert (tried(work), work.states()) == ([0, 30, 120], ["dead"])


def test_a_user_of_sendios_is_waited_for_half_a_minute(sandbox: Sandbox, line: HttpWire) -> None:
    with floor(connector=speaking("sendios", sandbox, line)) as work:
        planned(work, "set_user_fields", [{"email": "nobody@example.com", "name": "Nobody"}])
        moments = tried(work)
        assert work.states() == ["dead"]
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 1
    assert 29 <= moments[-1] <= 33
