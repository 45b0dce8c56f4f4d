"""What every answer of Digital Onboarding means, by its stand-in over a real socket: contracts.md §3.5 and tokens."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from connectors.base import Answer, Kind
from connectors.digitalonboarding import DigitalOnboarding
from connectors.digitalonboarding_answers import CONTACTS, read
from connectors.http import HttpWire
from connectors.sandbox import digitalonboarding as stand_in
from connectors.sandbox.digitalonboarding import CREDENTIALS, SAMPLES
from connectors.sandbox.server import Sandbox
from connectors.tokens import MemoryTokens
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


def set_scenario(sandbox: Sandbox, scenario: str | int) -> None:
    if isinstance(scenario, int):
        sandbox.scenario(NAME, "error", status=scenario)
    else:
        sandbox.scenario(NAME, scenario)


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
    (outcome,) = send(make(timeout=0.5 if scenario == "hang" else 5.0), operation, SAMPLES[operation])
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


@pytest.mark.parametrize(("scenario", "contact", "journey"), ROWS, ids=[str(row[0]) for row in ROWS])
@pytest.mark.parametrize("operation", DigitalOnboarding.operations)
def test_every_row_of_the_error_table(
    scenario: str | int, contact: Kind, journey: Kind, operation: str, make: Make, sandbox: Sandbox
) -> None:
    tokens = MemoryTokens()
    upsert(make(tokens=tokens), ADA)
    set_scenario(sandbox, scenario)
    (outcome,) = send(make(timeout=0.5 if scenario == "hang" else 5.0, tokens=tokens), operation, SAMPLES[operation])
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
