"""Digital Onboarding against its stand-in, over a real socket: tokens, contacts, journeys, and what answers mean."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.base import Answer, Command, Kind, Outcome
from connectors.digitalonboarding import DigitalOnboarding
from connectors.digitalonboarding_answers import CONTACTS, batch, read
from connectors.errors import WireError
from connectors.http import HttpWire
from connectors.sandbox import digitalonboarding as stand_in
from connectors.sandbox.digitalonboarding import CREDENTIALS, SAMPLES
from connectors.sandbox.digitalonboarding_rules import TEMPLATES
from connectors.sandbox.server import Sandbox
from connectors.tokens import MemoryTokens

NAME = "digitalonboarding"
ADA = SAMPLES["upsert_contact"]

Make = Callable[..., DigitalOnboarding]


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
    """A connector to the stand-in; keywords are options beside or instead of the demo account's."""
    wires = []

    def build(timeout: float = 5.0, tokens: MemoryTokens | None = None, **options: Any) -> DigitalOnboarding:
        wires.append(HttpWire(timeout=timeout, allow_private=True))
        loaded = DigitalOnboarding.options().load(CREDENTIALS | {"base_url": sandbox.url_of(NAME)} | options)
        return DigitalOnboarding(loaded, wires[-1], tokens or MemoryTokens())

    yield build
    for wire in wires:
        wire.close()


@pytest.fixture
def connector(make: Make) -> DigitalOnboarding:
    return make()


def send(connector: DigitalOnboarding, operation: str, *payloads: dict[str, Any]) -> list[Outcome]:
    commands = [Command(id=f"delivery-{index}", payload=payload) for index, payload in enumerate(payloads)]
    return list(connector.send(operation, commands))


def upsert(connector: DigitalOnboarding, *payloads: dict[str, Any]) -> list[Outcome]:
    return send(connector, "upsert_contact", *payloads)


def people(count: int) -> list[dict[str, Any]]:
    return [{"unique_id": f"c-{number}", "name_first": f"N{number}"} for number in range(count)]


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


# ---- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["form", "json"])
def test_a_token_is_asked_for_once_and_used_until_it_expires(
    encoding: str, make: Make, sandbox: Sandbox, provider: stand_in.DigitalOnboarding
) -> None:
    connector = make(oauth_encoding=encoding)
    assert [upsert(connector, contact)[0].kind for contact in people(3)] == [Kind.DELIVERED] * 3
    assert provider.token_requests == 1


def test_two_connectors_of_an_account_share_its_token(make: Make, provider: stand_in.DigitalOnboarding) -> None:
    tokens = MemoryTokens()
    for contact in people(2):
        upsert(make(tokens=tokens), contact)
    assert provider.token_requests == 1


def test_a_token_that_the_provider_lets_expire_early_is_replaced_once(
    connector: DigitalOnboarding, sandbox: Sandbox, provider: stand_in.DigitalOnboarding
) -> None:
    upsert(connector, ADA)
    sandbox.scenario(NAME, "expire_tokens", count=1)
    (outcome,) = upsert(connector, ADA)
    assert (outcome.kind, provider.token_requests) == (Kind.DELIVERED, 2)


def test_a_token_past_its_time_is_not_used(connector: DigitalOnboarding, provider: stand_in.DigitalOnboarding) -> None:
    provider.expires_in = 0
    upsert(connector, ADA)
    provider.expires_in = 3600
    assert upsert(connector, ADA)[0].delivered


def test_a_fresh_token_refused_is_a_matter_of_credentials(
    connector: DigitalOnboarding, sandbox: Sandbox, provider: stand_in.DigitalOnboarding
) -> None:
    sandbox.scenario(NAME, "reject_tokens")
    assert upsert(connector, ADA)[0].kind is Kind.REFUSED
    assert provider.token_requests == 1 + 1


TOKEN_ROWS: list[tuple[str | int, Kind]] = [
    ("refuse_credentials", Kind.REFUSED),
    (400, Kind.REFUSED),
    (401, Kind.REFUSED),
    (403, Kind.REFUSED),
    (404, Kind.REFUSED),
    (301, Kind.REFUSED),
    ("rate_limited", Kind.LIMITED),
    (408, Kind.RETRYABLE),
    (500, Kind.RETRYABLE),
    (503, Kind.RETRYABLE),
    ("garbage", Kind.RETRYABLE),
    ("hang", Kind.RETRYABLE),
    ("down", Kind.RETRYABLE),
]


@pytest.mark.parametrize(("scenario", "kind"), TOKEN_ROWS, ids=[str(row[0]) for row in TOKEN_ROWS])
@pytest.mark.parametrize("operation", DigitalOnboarding.operations)
def test_every_row_of_the_token_endpoint(
    scenario: str | int, kind: Kind, operation: str, make: Make, sandbox: Sandbox
) -> None:
    set_scenario(sandbox, scenario)
    (outcome,) = send(make(timeout=0.5), operation, SAMPLES[operation])
    assert outcome.kind is kind
    assert sandbox.calls(NAME) == 1
    assert CREDENTIALS["client_secret"] not in repr(outcome)


def test_wrong_credentials_are_not_tried_again(make: Make, provider: stand_in.DigitalOnboarding) -> None:
    assert upsert(make(client_secret="another"), ADA)[0].kind is Kind.REFUSED
    assert provider.token_requests == 1


def test_credentials_in_a_url_are_revoked(connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    wire = HttpWire(allow_private=True)
    wire.call("POST", sandbox.url_of(NAME) + "/oauth2/token?client_id=do-demo&client_secret=do-demo-secret")
    wire.close()
    assert upsert(connector, ADA)[0].kind is Kind.REFUSED


# ---- contracts.md §3.5, row by row -----------------------------------------------------------------------------------

# A scenario of the stand-in, met with a token at hand → what a contact and a journey end as.
ROWS: list[tuple[str | int, Kind, Kind]] = [
    ("ok", Kind.DELIVERED, Kind.DELIVERED),
    (201, Kind.DELIVERED, Kind.DELIVERED),
    (202, Kind.DELIVERED, Kind.DELIVERED),
    ("expire_tokens", Kind.REFUSED, Kind.REFUSED),
    (401, Kind.REFUSED, Kind.REFUSED),
    (403, Kind.REFUSED, Kind.REFUSED),
    (302, Kind.REFUSED, Kind.REFUSED),
    ("reject", Kind.REJECTED, Kind.REJECTED),
    (400, Kind.REJECTED, Kind.REJECTED),
    (404, Kind.REJECTED, Kind.REJECTED),
    (409, Kind.REJECTED, Kind.REJECTED),
    (422, Kind.REJECTED, Kind.REJECTED),
    ("rate_limited", Kind.LIMITED, Kind.LIMITED),
    (408, Kind.RETRYABLE, Kind.UNKNOWN),
    (500, Kind.RETRYABLE, Kind.UNKNOWN),
    (502, Kind.RETRYABLE, Kind.UNKNOWN),
    (503, Kind.RETRYABLE, Kind.UNKNOWN),
    ("garbage", Kind.RETRYABLE, Kind.UNKNOWN),
    ("hang", Kind.RETRYABLE, Kind.UNKNOWN),
    ("commit_then_drop", Kind.RETRYABLE, Kind.UNKNOWN),
]


def set_scenario(sandbox: Sandbox, scenario: str | int) -> None:
    if isinstance(scenario, int):
        sandbox.scenario(NAME, "error", status=scenario)
    else:
        sandbox.scenario(NAME, scenario)


@pytest.mark.parametrize(("scenario", "contact", "journey"), ROWS, ids=[str(row[0]) for row in ROWS])
@pytest.mark.parametrize("operation", DigitalOnboarding.operations)
def test_every_row_of_the_error_table(
    scenario: str | int, contact: Kind, journey: Kind, operation: str, make: Make, sandbox: Sandbox
) -> None:
    tokens = MemoryTokens()
    upsert(make(tokens=tokens), ADA)
    set_scenario(sandbox, scenario)
    (outcome,) = send(make(timeout=0.5, tokens=tokens), operation, SAMPLES[operation])
    assert outcome.kind is (journey if operation == "create_journey" else contact)


def test_a_provider_that_hangs_up_at_once_is_tried_again(connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    upsert(connector, ADA)
    sandbox.scenario(NAME, "down")
    assert upsert(connector, ADA)[0].kind is Kind.RETRYABLE


@pytest.mark.parametrize("operation", DigitalOnboarding.operations)
def test_a_request_that_never_left_is_retryable(operation: str, make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    (outcome,) = send(make(base_url=f"http://127.0.0.1:{port}"), operation, SAMPLES[operation])
    assert outcome.kind is Kind.RETRYABLE


def test_slowing_down_says_for_how_long(connector: DigitalOnboarding, sandbox: Sandbox) -> None:
    upsert(connector, ADA)
    sandbox.scenario(NAME, "rate_limited", retry_after=7)
    assert [outcome.retry_after for outcome in upsert(connector, *people(2))] == [7, 7]


def test_a_refusal_keeps_the_provider_s_words_but_no_address() -> None:
    _, outcome = read(Answer(422, {}, b'{"errors": {"email": ["ada@example.com is taken"]}}'), CONTACTS)
    assert outcome.errors == {"email": "*** is taken"}
    assert outcome.reason == 'Digital Onboarding answered 422: {"errors": {"email": ["*** is taken"]}}'


# ---- committed, then dropped -----------------------------------------------------------------------------------------


def test_contacts_whose_answer_is_lost_are_repeated_to_one_effect(
    connector: DigitalOnboarding, sandbox: Sandbox, provider: stand_in.DigitalOnboarding
) -> None:
    upsert(connector, ADA)
    sandbox.scenario(NAME, "commit_then_drop", count=1)
    first = upsert(connector, *people(3))
    second = upsert(connector, *people(3))
    assert {outcome.kind for outcome in first} == {Kind.RETRYABLE}
    assert [(outcome.kind, outcome.reason) for outcome in second] == [(Kind.DELIVERED, "updated")] * 3
    assert len(provider.contacts) == 4


def test_a_journey_whose_answer_is_lost_is_unknown_and_made_once(
    connector: DigitalOnboarding, sandbox: Sandbox, provider: stand_in.DigitalOnboarding
) -> None:
    upsert(connector, ADA)
    sandbox.scenario(NAME, "commit_then_drop", count=1)
    (outcome,) = send(connector, "create_journey", SAMPLES["create_journey"])
    assert (outcome.kind, len(provider.journeys)) == (Kind.UNKNOWN, 1)
