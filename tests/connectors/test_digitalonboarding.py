"""Digital Onboarding against its stand-in, over a real socket: contacts, batches, journeys and catalogues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import Command, Kind
from connectors.digitalonboarding import DigitalOnboarding
from connectors.digitalonboarding_answers import batch
from connectors.errors import WireError
from connectors.http import HttpWire
from connectors.sandbox import digitalonboarding as stand_in
from connectors.sandbox.digitalonboarding_rules import TEMPLATES
from connectors.sandbox.server import Sandbox
from tests.connectors.digitalonboarding import ADA, NAME, Make, connect, people, send, upsert


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def provider(sandbox: Sandbox) -> stand_in.DigitalOnboarding:
    found: stand_in.DigitalOnboarding = sandbox.provider(NAME)
    return found


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    """A connector to the stand-in; keywords are its options, beside or instead of the demo account's."""
    wires: list[HttpWire] = []
    yield lambda **options: connect(options.pop("base_url", sandbox.url_of(NAME)), wires, **options)
    for wire in wires:
        wire.close()


@pytest.fixture
def connector(make: Make) -> DigitalOnboarding:
    return make()


# ---- contacts on the wire --------------------------------------------------------------------------------------------


def test_one_contact_goes_by_itself(connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    (outcome,) = upsert(connector, ADA)
    assert (outcome.kind, outcome.reason) == (Kind.DELIVERED, "created")
    (received,) = sandbox.received(NAME)
    assert (received["method"], received["path"]) == ("POST", "/v1/contacts")
    assert received["body"] == {
        "unique_id": "c-12345",
        "email": "ada@example.com",
        "name_first": "Ada",
        "timezone": "America/New_York",
        "unsubscribe_sms": True,
        "meta_public": {"branch": "12"},
        "direct-deposit": "2026-01-01T00:00:00+0000",
    }


def test_several_go_as_a_batch(connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    assert all(outcome.delivered for outcome in upsert(connector, *people(3)))
    (received,) = sandbox.received(NAME)
    assert received["body"] == {"contacts": people(3)}


def test_new_and_existing_are_told_apart_alone(
    connector: DigitalOnboarding, provider: stand_in.DigitalOnboarding
) -> None:
    outcomes = upsert(connector, ADA) + upsert(connector, ADA)
    assert [outcome.reason for outcome in outcomes] == ["created", "updated"]
    assert {outcome.provider_id for outcome in outcomes} == {provider.contacts["c-12345"]["id"]}


def test_new_and_existing_are_told_apart_in_a_batch(
    connector: DigitalOnboarding, provider: stand_in.DigitalOnboarding
) -> None:
    upsert(connector, people(3)[1], {"email": "Bob@example.com"})
    mixed = [*people(3), {"email": "Bob@example.com"}]
    outcomes = upsert(connector, *mixed)
    assert [outcome.reason for outcome in outcomes] == ["created", "updated", "created", "updated"]
    keys = ["c-0", "c-1", "c-2", "Bob@example.com"]
    assert [outcome.provider_id for outcome in outcomes] == [provider.contacts[key]["id"] for key in keys]


@pytest.mark.parametrize("payload", [{}, {"name_first": "Ada"}, {"unique_id": "", "email": ""}])
def test_a_contact_without_a_key_is_not_sent(
    payload: dict[str, Any], connector: DigitalOnboarding, sandbox: Sandbox
) -> None:
    (outcome,) = upsert(connector, payload)
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, ["unique_id"])
    assert sandbox.calls(NAME) == 0


def test_a_contact_without_a_key_does_not_hold_up_its_batch(connector: DigitalOnboarding) -> None:
    first, second = people(2)
    kinds = [outcome.kind for outcome in upsert(connector, first, {"name_first": "Nobody"}, second)]
    assert kinds == [Kind.DELIVERED, Kind.REJECTED, Kind.DELIVERED]


def test_only_allowed_names_become_public(connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    (outcome,) = upsert(connector, {"unique_id": "c-1", "meta_public": {"branch": "12", "salary": 1}})
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, ["meta_public.salary"])
    assert sandbox.calls(NAME) == 0


@pytest.mark.parametrize("form", ["nested", "dotted"])
def test_a_journey_goes_with_the_contact_in_the_configured_form(
    form: str, make: Make, provider: stand_in.DigitalOnboarding
) -> None:
    provider.journey_template = form
    template = TEMPLATES[0]["id"]
    upsert(make(journey_template=form), {"unique_id": "c-1", "journey": {"template_id": template}})
    assert [journey["template_id"] for journey in provider.journeys] == [template]


@pytest.mark.parametrize("form", ["nested", "dotted"])
def test_the_other_form_is_ignored(form: str, make: Make, provider: stand_in.DigitalOnboarding) -> None:
    provider.journey_template = {"nested": "dotted", "dotted": "nested"}[form]
    (outcome,) = upsert(make(journey_template=form), {"unique_id": "c-1", "journey": {"template_id": "t"}})
    assert (outcome.kind, provider.journeys) == (Kind.DELIVERED, [])


COMPLETIONS = {
    "true": "true",
    "Yes": "Yes",
    "2019-09-23T00:00:00+0000": "2019-09-23T00:00:00+0000",
    "2026-01-01": "2026-01-01T00:00:00+0000",
    "2026-01-01 12:30": "2026-01-01T12:30:00+0000",
    "2026-01-01T12:30:15.5+01:00": "2026-01-01T12:30:15+0100",
    "2026-01-01T12:30:15Z": "2026-01-01T12:30:15+0000",
}


@pytest.mark.parametrize(("mapped", "sent"), COMPLETIONS.items())
def test_a_completion_is_a_word_or_a_moment_in_the_vendors_form(
    mapped: str, sent: str, connector: DigitalOnboarding, sandbox: Sandbox
) -> None:
    assert upsert(connector, {"unique_id": "c-1", "objectives": {"direct-deposit": mapped}})[0].delivered
    assert sandbox.received(NAME)[0]["body"] == {"unique_id": "c-1", "direct-deposit": sent}


@pytest.mark.parametrize("mapped", ["false", "False", "0", "no", ""])
def test_what_is_not_completed_is_not_told(mapped: str, connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    assert upsert(connector, {"unique_id": "c-1", "objectives": {"direct-deposit": mapped}})[0].delivered
    assert sandbox.received(NAME)[0]["body"] == {"unique_id": "c-1"}


def test_objectives_are_completed(connector: DigitalOnboarding, provider: stand_in.DigitalOnboarding) -> None:
    given = {"direct-deposit": "2026-01-01T00:00:00+0000", "loyalty-card": "true", "unheard-of": "true"}
    upsert(connector, {"unique_id": "c-1", "objectives": given})
    assert provider.completed == {
        ("c-1", "direct-deposit"): "2026-01-01T00:00:00+0000",
        ("c-1", "loyalty-card"): provider.contacts["c-1"]["updated_at"],
    }


# ---- batches that are refused ----------------------------------------------------------------------------------------


def test_a_batch_is_halved_until_the_bad_contact_is_alone(
    connector: DigitalOnboarding, sandbox: Sandbox, provider: stand_in.DigitalOnboarding
) -> None:
    contacts = people(100)
    for index in (17, 63):
        contacts[index]["email"] = "nonsense"
    outcomes = upsert(connector, *contacts)
    rejected = {index: dict(outcome.errors) for index, outcome in enumerate(outcomes) if outcome.kind is Kind.REJECTED}
    assert rejected == {17: {"email": "is invalid"}, 63: {"email": "is invalid"}}
    assert sum(outcome.delivered for outcome in outcomes) == len(provider.contacts) == 98
    assert sandbox.calls(NAME) <= 2 + 2 * 2 * 7  # the token, the batch, and two calls at each of 7 halvings of each


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refusal_of_a_batch_is_followed_to_each_contact(
    status: int, connector: DigitalOnboarding, sandbox: Sandbox
) -> None:
    upsert(connector, ADA)
    sandbox.forget()
    sandbox.scenario(NAME, "error", status=status)
    assert [outcome.kind for outcome in upsert(connector, *people(2))] == [Kind.REJECTED, Kind.REJECTED]
    assert sandbox.calls(NAME) == 3


BATCH_ANSWERS = [
    ({"new_contacts": [{"id": "1", "unique_id": "c-0"}], "existing_contacts": []}, [Kind.DELIVERED, Kind.RETRYABLE]),
    ({"new_contacts": [], "existing_contacts": []}, [Kind.RETRYABLE, Kind.RETRYABLE]),
    ({"ok": True}, [Kind.DELIVERED, Kind.DELIVERED]),
    (None, [Kind.DELIVERED, Kind.DELIVERED]),
]


@pytest.mark.parametrize(("body", "kinds"), BATCH_ANSWERS, ids=["one unnamed", "none named", "untold", "empty"])
def test_a_contact_that_the_answer_leaves_out_is_not_delivered(body: Any, kinds: list[Kind]) -> None:
    commands = [Command(id=str(index), payload=payload) for index, payload in enumerate(people(2))]
    assert [outcome.kind for outcome in batch(commands, body, 200)] == kinds


# ---- journeys --------------------------------------------------------------------------------------------------------


def test_a_journey_is_made_from_a_template(
    connector: DigitalOnboarding, sandbox: Sandbox, provider: stand_in.DigitalOnboarding
) -> None:
    template = TEMPLATES[1]["id"]
    payload = {"template_id": template, "owner_id": "u-1", "name": "Hej", "contact": {"unique_id": "c-1"}}
    (outcome,) = send(connector, "create_journey", payload)
    (journey,) = provider.journeys
    assert (outcome.kind, outcome.provider_id) == (Kind.DELIVERED, journey["id"])
    (received,) = sandbox.received(NAME)
    assert received["path"] == f"/v1/templates/{template}/journeys"
    assert received["body"] == {"owner_id": "u-1", "name": "Hej", "contact": {"unique_id": "c-1"}}


@pytest.mark.parametrize(
    ("payload", "errors"),
    [
        ({"template_id": "t", "contact": {"name_first": "Ada"}}, ["contact.unique_id"]),
        ({"template_id": "t"}, ["contact.unique_id"]),
        ({"contact": {"unique_id": "c-1"}}, ["template_id"]),
    ],
    ids=["no key", "no contact", "no template"],
)
def test_a_journey_that_cannot_be_made_is_not_asked_for(
    payload: dict[str, Any], errors: list[str], connector: DigitalOnboarding, sandbox: Sandbox
) -> None:
    (outcome,) = send(connector, "create_journey", payload)
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, errors)
    assert sandbox.calls(NAME) == 0


def test_an_unknown_template_is_rejected(connector: DigitalOnboarding) -> None:
    (outcome,) = send(connector, "create_journey", {"template_id": "a/b", "contact": {"unique_id": "c-1"}})
    assert (outcome.kind, outcome.status) == (Kind.REJECTED, 404)


# ---- catalogues ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["ok", "bare_lists"])
def test_templates_and_objectives_for_the_preview(mode: str, connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    sandbox.scenario(NAME, mode)
    found = connector.catalogues()
    assert found["templates"] == TEMPLATES
    assert {"direct-deposit", "loyalty-card"} <= {each["key"] for each in found["objectives"]}


@pytest.mark.parametrize("mode", ["refuse_credentials", "garbage", "error", "down"])
def test_catalogues_that_cannot_be_had_say_why(mode: str, connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    sandbox.scenario(NAME, mode)
    with pytest.raises(WireError, match="templates: "):
        connector.catalogues()
