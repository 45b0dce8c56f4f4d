"""What the demo makes of the documented samples, the stand-ins of the providers take."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from connectors.base import Command, Outcome, Token
from connectors.http import HttpWire
from connectors.sandbox.registry import PROVIDERS
from connectors.sandbox.server import Sandbox
from router import catalog
from router.mapping import Integration, Mapped, compile_set
from router.model import Action, Entity
from tests.mapping.test_demo import SAMPLES, SOURCES, V1_CONTACT

DEMO = compile_set(SOURCES, catalog.facts())


class Fetched:
    """Tokens that are not kept."""

    def get(self, fetch: Callable[[], Token], stale: str | None = None) -> str:
        return fetch().value


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def secrets_of(one: Integration) -> Mapping[str, str]:
    """The sandbox's own, under the names by which the demo knows them."""
    credentials = importlib.import_module(PROVIDERS[one.connector].__module__).CREDENTIALS
    return {name: credentials[option] for option, name in one.secrets.items()}


def sent(
    sandbox: Sandbox, sample: str, record: Mapping[str, Any], action: Action = Action.UPSERT
) -> dict[str, Outcome]:
    """The outcome at each integration that the record goes to."""
    entity, type_, _, _ = SAMPLES[sample]
    contract = DEMO.contract("demo", entity, type_, "main_group", action)
    assert contract is not None
    values, problems = contract.validate(record)
    assert problems == []
    outcomes = {}
    for route in DEMO.routes("demo", "main_group", entity, type_, action):
        mapped = route.map(values)
        if isinstance(mapped, Mapped):
            one = route.integration
            loaded = catalog.load(one.connector, one.configure({"sandbox_url": sandbox.url}, secrets_of(one)))
            with closing(HttpWire(allow_private=True)) as wire:
                connector = catalog.build(one.connector, loaded, wire, Fetched())
                (outcomes[one.name],) = connector.send(route.operation, [Command("d-1", mapped.payload)])
    return outcomes


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_samples_are_delivered(sandbox: Sandbox, sample: str) -> None:
    entity, _, record, names = SAMPLES[sample]
    if entity is Entity.EVENT:  # it is of somebody whom the provider knows
        sent(sandbox, "v1 contact", {**V1_CONTACT, "epost": record["email"]})
    outcomes = sent(sandbox, sample, record)
    assert {name: one.delivered or one.reason for name, one in outcomes.items()} == dict.fromkeys(names, True)


def test_a_v1_contact_is_deleted_again(sandbox: Sandbox) -> None:
    sent(sandbox, "v1 contact", V1_CONTACT)
    outcomes = sent(sandbox, "v1 contact", {"epost": V1_CONTACT["epost"]}, Action.DELETE)
    assert {name: one.delivered for name, one in outcomes.items()} == {"salesmanago": True, "sendios": True}
