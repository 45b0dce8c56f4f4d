"""Providers post what became of things: it is verified, kept once and passed on; whatever else is posted is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Command
from connectors.http import HttpWire
from connectors.sandbox import sendios
from connectors.sandbox.digitalonboarding_rules import signature
from connectors.sandbox.server import Sandbox
from connectors.sendios import Sendios
from connectors.tokens import MemoryTokens
from router.accept import Call, accept
from router.config import Config
from router.feedback import new_token, path, secret_name
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.model import Action, Entity, Environment, new_request_id
from router.plan import plan
from router.publish import publish
from router.vault import Vault
from tests.http import shop
from tests.http.shop import FERNET_KEY, Receiver, serving
from tests.support.conditions import eventually

CLIENT = """client: shop
callback: {url: "https://shop.example/told", secret: callback_key}
groups:
  main_group:
    integrations:
      mail:
        connector: sendios
        personal_data: true
        options: {client_id: 123, project_id: 55}
        secrets: {sdk_key: mail_key}
      guarded:
        connector: sendios
        options: {client_id: 123, project_id: 55, feedback_sources: [203.0.113.0/24]}
        secrets: {sdk_key: mail_key}
      onboarding:
        connector: digitalonboarding
        options: {client_id: do-demo}
        secrets: {client_secret: onboarding_secret, webhook_secrets: onboarding_hooks}
      moving:
        connector: sendios
        options: {client_id: 123, project_id: 55}
        secrets: {sdk_key: mail_key}
      lost:
        connector: sendios
        options: {client_id: 123, project_id: 55}
        secrets: {sdk_key: mail_key}
      later:
        connector: sendios
        options: {client_id: 123, project_id: 55}
        secrets: {sdk_key: later_key}
      crm:
        connector: salesmanago
        options: {base_url: "https://app2.salesmanago.com", client_id: c, owner: crm@shop.example}
        secrets: {api_secret: mail_key}
"""
PERSON = """
entity: profile
type: person
hard_id: [email]
fields:
  email: {type: email}
deliver:
  mail:
    operation: set_user_fields
    map: {email: email}
"""
FILES = {"shop/client.yaml": CLIENT, "shop/profile.person.yaml": PERSON}
SECRETS = {"mail_key": "key", "onboarding_secret": "secret", "onboarding_hooks": "new old"}
CONTACT = b'{"contact_id":"1058c359-4ffd-4039-b474-ff552b33474b","type":"contact.updated"}'


class Shop:
    """A receiver, the addresses its providers were told, and what they say to it."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.ledger = receiver.ledger
        self.vault = Vault([FERNET_KEY])
        self.numbers = {place.integration: number for number, place in self.ledger.destinations().items()}
        self.tokens = {name: self._token(name) for name in self.numbers}

    def _token(self, name: str) -> str:
        """What the provider was told, now if it was not before."""
        if (sealed := self.ledger.secret("shop", self.secret_of(name))) is not None:
            return self.vault.open(sealed)
        token = new_token(self.numbers[name])
        self.ledger.set_secret("shop", self.secret_of(name), self.vault.seal(token))
        return token

    def secret_of(self, name: str) -> str:
        return secret_name(self.ledger.destinations()[self.numbers[name]])

    def post(self, integration: str, body: Any, token: str | None = None, **headers: str) -> requests.Response:
        told = self.tokens[integration] if token is None else token
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(f"{self.receiver.url}/hooks/{integration}/{told}", data=data, headers=named, timeout=10)

    def address(self, integration: str) -> str:
        return f"{self.receiver.url}{path(integration, self.tokens[integration])}"

    def planned(self, email: str) -> tuple[UUID, UUID]:
        """A person accepted, with a delivery to `mail`: the request's id and the delivery's."""
        config = Config(self.ledger)
        call = Call(
            request_id=new_request_id(),
            client="shop",
            credential="AKID",
            environment=Environment.PRODUCTION,
            surface="v2",
            entity=Entity.PROFILE,
            action=Action.UPSERT,
            type="person",
            group=None,
            records=[{"email": email}],
        )
        accepted = accept(call, config.current(), self.ledger)
        (hint,) = [hint for hint in self.ledger.claim(100) if hint.task == "route"]
        (record,) = self.ledger.start_route(hint.hint_id, "tests", 30)
        (step,) = plan(record, config.current().set, config.current().number)
        self.ledger.planned(hint.hint_id, [step])
        return accepted.request_id, step.delivery_id

    def kept(self, integration: str) -> list[tuple[str, str | None]]:
        """What is kept of an integration's provider: (event, how its delivery was found), the latest first."""
        rows = self.ledger.feedback(self.numbers[integration], 100)
        return [(row.event, row.matched_by) for row in rows]


@pytest.fixture(scope="module")
def ledger(module_database_url: str) -> Iterator[PostgresLedger]:
    opened = PostgresLedger(module_database_url, size=4)
    publish(opened, [Source(path, text) for path, text in FILES.items()], "tests", "")
    for name, value in SECRETS.items():
        opened.set_secret("shop", name, Vault([FERNET_KEY]).seal(value))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def mall(ledger: PostgresLedger, module_database_url: str) -> Iterator[Shop]:
    with serving(ledger, shop.settings(module_database_url, max_body=4096, trusted_proxies=("127.0.0.1",))) as receiver:
        yield Shop(receiver)


def event(**more: Any) -> dict[str, Any]:
    return {"event": "open", "user_id": 7, "ts": int(time.time()), **more}


def signed(body: bytes, at: float = 0.0, secret: str = "old") -> str:
    """The header of Digital Onboarding, made so many seconds from now."""
    return signature(int(time.time() + at), body, [secret])


# ---- kept ------------------------------------------------------------------------------------------------------------


def test_mail_events_are_kept(mall: Shop) -> None:
    answer = mall.post("mail", {"0": event(mail_id=1), "1": event(event="click", mail_id=1)})
    assert (answer.status_code, answer.content) == (204, b"")
    assert UUID(answer.headers["X-Request-Id"])
    assert {event for event, _ in mall.kept("mail")} >= {"opened", "clicked"}


def test_a_repeat_is_answered_and_kept_once(mall: Shop) -> None:
    again = event(event="reject", mail_id=2)
    assert [mall.post("mail", again).status_code for _ in range(3)] == [204] * 3
    assert [name for name, _ in mall.kept("mail")].count("rejected") == 1


def test_a_contact_update_is_kept_whatever_its_content_type(mall: Shop) -> None:
    header = {"X_Signature": signed(CONTACT), "Content_Type": "application/octet-stream"}
    assert mall.post("onboarding", CONTACT, **header).status_code == 204
    assert mall.kept("onboarding") == [("updated", None)]


def test_no_address_is_kept(mall: Shop) -> None:
    mall.post("mail", event(event="lost", email="Ada@Example.com", user={"email": "ada@example.com", "name": "Ada"}))
    (row,) = [row for row in mall.ledger.feedback(mall.numbers["mail"], 100) if row.event == "undelivered"]
    assert "ada" not in repr(row).lower()


def test_the_owner_of_an_address_is_found_by_it(mall: Shop) -> None:
    accepted, _ = mall.planned("grace@example.com")
    mall.post("mail", event(event="unsubscribe", email="Grace@example.com"))
    assert feedback(mall, accepted) == [("unsubscribed", "identity")]


def test_a_mail_that_was_really_sent_comes_back_to_its_delivery_and_to_the_client(mall: Shop) -> None:
    accepted, delivery = mall.planned("ada@example.com")
    with Sandbox() as sandbox, closing(HttpWire(allow_private=True)) as wire:
        sandbox.provider("sendios").webhook_url = mall.address("mail")
        options = Sendios.options().load({**sendios.CREDENTIALS, "base_url": sandbox.url_of("sendios")})
        payload = {"type_id": 7, "data": {"user": {"email": "ada@example.com"}}}
        Sendios(options, wire, MemoryTokens()).send("send_system", [Command(str(delivery), payload)])
        told = eventually(lambda: feedback(mall, accepted))
    assert sorted(told) == [("created", "delivery"), ("sent", "delivery")]
    document = mall.ledger.document(accepted)
    assert document is not None
    assert [one["type"] for one in document["callbacks"]] == ["delivery.feedback"] * 2


# ---- refused ---------------------------------------------------------------------------------------------------------


def test_an_address_that_is_none_is_not_found(mall: Shop) -> None:
    number, secret = mall.tokens["mail"].split("-", 1)
    tokens = ["x", "-", number, f"{number}-", f"{number}-{secret[:-1]}", f"{number}-{secret}x", f"0{number}-{secret}"]
    tokens += [f"9999999-{secret}", f"99999999999999999999-{secret}", f"{number}-{'å' * 40}", mall.tokens["guarded"]]
    answers = [mall.post("mail", event(), token) for token in tokens]
    assert {answer.status_code for answer in answers[:6] + answers[7:]} == {404}
    assert {tuple(answer.json()["messages"]) for answer in answers if answer.status_code == 404} == {
        ("There is no such hook.",)
    }


@pytest.mark.parametrize("integration", ["crm", "callback", "route", "nobody"])
def test_who_tells_nothing_has_no_hook(mall: Shop, integration: str) -> None:
    assert mall.post(integration, event(), mall.tokens.get(integration, "1-x")).status_code == 404


BODIES = [b"", b"{", b"[]]", b"\xff\xfe", b"<html>", b"7", b'{"0": 7}', b'{"0": {"user_id": 1}}']


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_what_cannot_be_read_is_refused(mall: Shop, body: bytes) -> None:
    answer = mall.post("mail", body)
    assert answer.status_code == 400
    assert answer.json()["messages"][0].startswith("mail: ")


def test_too_much_at_once_is_refused(mall: Shop) -> None:
    assert mall.post("mail", b" " * 5000).status_code == 413


FORGED = {
    "no signature": lambda: None,
    "another secret": lambda: signed(CONTACT, secret="other"),
    "another body": lambda: signed(CONTACT + b" "),
    "six minutes old": lambda: signed(CONTACT, -360),
    "six minutes early": lambda: signed(CONTACT, 360),
}


@pytest.mark.parametrize("made", FORGED.values(), ids=list(FORGED))
def test_a_forged_message_is_refused(mall: Shop, made: Callable[[], str | None]) -> None:
    header = made()
    answer = mall.post("onboarding", CONTACT, **({"X_Signature": header} if header else {}))
    assert answer.status_code == 403
    assert "onboarding: " in answer.json()["messages"][0]


@pytest.mark.parametrize("at", [-240, 240])
def test_clocks_may_differ_a_little(mall: Shop, at: float) -> None:
    assert mall.post("onboarding", CONTACT, X_Signature=signed(CONTACT, at)).status_code == 204


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [("203.0.113.9", 204), ("203.0.113.9, 127.0.0.1", 204), ("198.51.100.1", 403), ("203.0.113.9, 198.51.100.1", 403)],
)
def test_only_from_where_it_may_come(mall: Shop, forwarded: str, status: int) -> None:
    assert mall.post("guarded", event(), X_Forwarded_For=forwarded).status_code == status


def test_only_a_trusted_proxy_is_believed(ledger: PostgresLedger, module_database_url: str) -> None:
    with serving(ledger, shop.settings(module_database_url)) as receiver:
        answer = Shop(receiver).post("guarded", event(), X_Forwarded_For="203.0.113.9")
    assert answer.status_code == 403


def test_only_posts_are_taken(mall: Shop) -> None:
    answer = requests.get(mall.address("mail"), timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_what_cannot_be_verified_yet_is_for_later(mall: Shop) -> None:
    answer = mall.post("later", event())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    mall.ledger.set_secret("shop", "later_key", mall.vault.seal("key"))
    assert eventually(lambda: mall.post("later", event()).status_code == 204)


def test_a_new_address_ends_the_old_one(mall: Shop) -> None:
    old, new = mall.tokens["moving"], new_token(mall.numbers["moving"])
    assert mall.post("moving", event(), old).status_code == 204
    mall.ledger.set_secret("shop", mall.secret_of("moving"), mall.vault.seal(new))
    assert eventually(lambda: mall.post("moving", event(), old).status_code == 404)
    assert mall.post("moving", event(), new).status_code == 204


def test_an_address_that_nobody_can_open_any_more_is_none(mall: Shop) -> None:
    token = mall.tokens["lost"]
    mall.ledger.set_secret("shop", mall.secret_of("lost"), Vault([Vault.new_key()]).seal(token))
    assert mall.post("lost", event(), token).status_code == 404


def test_the_token_is_in_no_log_and_no_answer(
    mall: Shop, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("CRITICAL", "urllib3")  # which is the caller's
    token = mall.tokens["mail"]
    answers = [
        mall.post("mail", event()),
        mall.post("mail", b"{"),
        mall.post("mail", event(), f"{token}/"),
        mall.post("mail", event(), f"{token}/more"),
        requests.get(mall.address("mail"), timeout=10),
    ]
    assert [answer.status_code for answer in answers] == [204, 400, 404, 404, 405]
    logged = caplog.text + capsys.readouterr().out
    assert "call refused" in logged
    assert token not in logged + "".join(answer.text for answer in answers)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.text(st.characters()) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["0", "event", "ts", "meta", "user", "email", "user_id", "mail_id"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300) | ANYTHING.map(lambda value: json.dumps(value).encode()[:4000]))
def test_nothing_is_our_fault(mall: Shop, body: bytes) -> None:
    assert mall.post("mail", body).status_code in {204, 400}


def feedback(mall: Shop, request_id: UUID) -> list[tuple[str, str]]:
    """What is shown with a request's only delivery: (event, how it was found)."""
    document = mall.ledger.document(request_id)
    assert document is not None
    (delivery,) = document["records"][0]["deliveries"]
    return [(one["event"], one["matchedBy"]) for one in delivery["feedback"]]
