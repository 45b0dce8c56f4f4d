"""Providers' webhooks, as the stand-ins post them and as the vendors' documentation shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from connectors.base import Command
from connectors.digitalonboarding import DigitalOnboarding
from connectors.feedback import Feedback, FeedbackError, admitted, email_hash
from connectors.http import HttpWire
from connectors.sandbox import digitalonboarding, sendios
from connectors.sandbox.digitalonboarding_rules import signature
from connectors.sandbox.server import Sandbox
from connectors.sendios import Sendios
from connectors.tokens import MemoryTokens

ADA = "ada@example.com"
ADA_HASH = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"
Hook = tuple[dict[str, str], bytes]


@pytest.fixture
def hooks() -> Iterator[tuple[str, SimpleQueue[Hook]]]:
    """A receiver's address, and what was posted to it."""
    posted: SimpleQueue[Hook] = SimpleQueue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.put((dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", posted
        server.shutdown()
        thread.join()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def wire() -> Iterator[HttpWire]:
    made = HttpWire(allow_private=True)
    yield made
    made.close()


def options_of(
    connector: Any, account: Mapping[str, Any], base_url: str = "https://provider.example"
) -> dict[str, Any]:
    loaded: dict[str, Any] = connector.options().load({**account, "base_url": base_url})
    return loaded


SENDIOS = options_of(Sendios, sendios.CREDENTIALS)
ONBOARDING = options_of(DigitalOnboarding, digitalonboarding.CREDENTIALS)


# ---- Sendios ---------------------------------------------------------------------------------------------------------


def test_a_mail_comes_back_as_created_and_sent_under_its_delivery(
    sandbox: Sandbox, wire: HttpWire, hooks: tuple[str, SimpleQueue[Hook]]
) -> None:
    url, posted = hooks
    wire.call("PUT", sandbox.url_of("sendios") + "/panel", json={"webhook_url": url})
    options = options_of(Sendios, sendios.CREDENTIALS, sandbox.url_of("sendios"))
    payload = {"type_id": 7, "data": {"user": {"email": ADA, "name": "Ada", "client_user_id": "c-1"}}}
    Sendios(options, wire, MemoryTokens()).send("send_system", [Command(id="01J", payload=payload)])
    headers, body = posted.get(timeout=10)
    found = Sendios.feedback(headers, body, options)
    assert [(each.event, each.delivery_id, each.provider_id) for each in found] == [
        ("created", "01J", "899002"),
        ("sent", "01J", "899002"),
    ]
    assert {(each.client_user_id, each.email_hash) for each in found} == {("c-1", ADA_HASH)}
    assert ADA not in repr(found)


EVENT = {
    "event": "created",
    "user_id": 899899,
    "project_id": 99,
    "reg_type": "sys_letter",
    "event_id": 290290,
    "meta": {"partner_id": "1832", "router_message_id": "01J"},
    "ts": 1549382627,
    "split_group": None,
    "client_user_id": "991",
    "project": "SomeProject",
    "email": ADA,
    "user": {"id": 899899, "email": ADA, "name": "Some Name"},
}


def read_sendios(body: Any) -> list[Feedback]:
    return list(Sendios.feedback({}, json.dumps(body).encode(), SENDIOS))


def test_the_documented_event() -> None:
    assert read_sendios({"0": EVENT}) == [
        Feedback(
            event="created",
            original="created",
            at=datetime(2019, 2, 5, 16, 3, 47, tzinfo=UTC),
            delivery_id="01J",
            provider_id="899899",
            client_user_id="991",
            email_hash=ADA_HASH,
            detail={"event_id": 290290, "project_id": 99, "reg_type": "sys_letter"},
        )
    ]


WORDS = [
    *(("created", "created"), ("queue", "queued"), ("sent", "sent"), ("lost", "undelivered"), ("open", "opened")),
    *(("click", "clicked"), ("reject", "rejected"), ("unsubscribe", "unsubscribed"), ("moved", "unknown")),
]


@pytest.mark.parametrize(("theirs", "ours"), WORDS)
def test_events_have_our_names_beside_theirs(theirs: str, ours: str) -> None:
    (found,) = read_sendios({"0": EVENT | {"event": theirs}})
    assert (found.event, found.original) == (ours, theirs)


def test_an_unsubscription_says_why() -> None:
    (found,) = read_sendios({"0": EVENT | {"event": "unsubscribe", "reason": "fbl"}})
    assert found.detail["reason"] == "fbl"


@pytest.mark.parametrize("body", [{"0": EVENT, "1": EVENT}, [EVENT, EVENT]], ids=["by index", "as a list"])
def test_events_come_by_their_index(body: Any) -> None:
    assert len(read_sendios(body)) == 2


def test_an_event_may_come_alone() -> None:
    assert len(read_sendios(EVENT)) == 1


def test_what_is_not_told_is_none() -> None:
    (found,) = read_sendios({"0": {"event": "open", "meta": [], "client_user_id": None}})
    assert found == Feedback("opened", "open", None)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", b"7", b'{"0": 7}', b'{"0": {"user_id": 1}}', b"null", b"[" * 99_999]
)
def test_what_cannot_be_read_is_said(body: bytes) -> None:
    with pytest.raises(FeedbackError) as caught:
        Sendios.feedback({}, body, SENDIOS)
    assert not caught.value.forged


NAMES = st.sampled_from(["0", "event", "type", "ts", "meta", "user", "email", "user_id", "contact_id"])
ANY_TEXT = st.text(st.characters())  # with halves of characters, which JSON can hold
VALUES = st.recursive(
    st.none() | st.booleans() | ANY_TEXT | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("connector", "options"),
    [(Sendios, SENDIOS), (DigitalOnboarding, ONBOARDING | {"webhook_secrets": []})],
    ids=["sendios", "digitalonboarding"],
)
@given(body=st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_body_is_a_surprise(connector: type[Sendios | DigitalOnboarding], body: bytes, options: Any) -> None:
    try:
        found = connector.feedback({}, body, options)
    except FeedbackError:
        return
    assert all(isinstance(each, Feedback) for each in found)


@pytest.mark.parametrize(
    ("sources", "address", "may"),
    [
        ([], "203.0.113.9", True),
        (["203.0.113.0/24"], "203.0.113.9", True),
        (["203.0.113.9"], "203.0.113.9", True),
        (["198.51.100.0/24", "2001:db8::/32"], "203.0.113.9", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", True),
        (["203.0.113.0/24"], "", False),
    ],
)
def test_only_configured_sources_may_post(sources: list[str], address: str, may: bool) -> None:
    assert admitted(address, SENDIOS | {"feedback_sources": sources}) is may


def test_sources_are_checked_with_the_options() -> None:
    with pytest.raises(ValidationError, match="no network"):
        options_of(Sendios, sendios.CREDENTIALS | {"feedback_sources": ["203.0.113.0/24", "sendios.io"]})


def test_the_hash_ignores_case_and_space() -> None:
    assert email_hash(" Ada@Example.com ") == ADA_HASH


# ---- Digital Onboarding ----------------------------------------------------------------------------------------------

CONTACT = "1058c359-4ffd-4039-b474-ff552b33474b"
BODY = b'{"contact_id":"%b","type":"contact.updated"}' % CONTACT.encode()
AT = 1624407116


def read_onboarding(header: str, body: bytes = BODY, **options: Any) -> list[Feedback]:
    return list(DigitalOnboarding.feedback({"X-Signature": header}, body, ONBOARDING | options))


def test_an_updated_contact_comes_back_signed(
    sandbox: Sandbox, wire: HttpWire, hooks: tuple[str, SimpleQueue[Hook]]
) -> None:
    url, posted = hooks
    wire.call("PUT", sandbox.url_of("digitalonboarding") + "/panel", json={"webhook_url": url})
    options = options_of(DigitalOnboarding, digitalonboarding.CREDENTIALS, sandbox.url_of("digitalonboarding"))
    connector = DigitalOnboarding(options, wire, MemoryTokens())
    for attempt in ("1", "2"):
        (outcome,) = connector.send("upsert_contact", [Command(id=attempt, payload={"unique_id": "c-1"})])
    headers, body = posted.get(timeout=10)
    (found,) = DigitalOnboarding.feedback(headers, body, options)
    assert (found.event, found.original, found.provider_id) == ("updated", "contact.updated", outcome.provider_id)
    assert found.at is not None


def test_the_documented_body() -> None:
    at = datetime.fromtimestamp(AT, UTC)
    expected = Feedback("updated", "contact.updated", at, provider_id=CONTACT, signed_at=at)
    assert read_onboarding(signature(AT, BODY, digitalonboarding.WEBHOOK_SECRETS)) == [expected]


@pytest.mark.parametrize("secrets", [["new"], ["old"], ["other", "old"]], ids=["s0", "s1", "either"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_either_signature_by_any_secret_in_any_case_is_enough(secrets: list[str], case: Any) -> None:
    at, *signatures = signature(AT, BODY, ["new", "old"]).split(",")
    header = ",".join(
        [at, *(name + "=" + case(value) for name, _, value in (one.partition("=") for one in signatures))]
    )
    assert len(read_onboarding(header, webhook_secrets=secrets)) == 1


# HMAC-SHA256 with the key "key", computed with OpenSSL.
SIGNED = {
    "dotted": "5000F622B739B6B65E0129E508EF1AA59FBE2990F4188AA0CC38C85404AD3254",
    "joined": "EB9CB9EA3B88AB97B8E1DA18BE9684F30091F895AC7BC3AB815EAFCEF604C94B",
    "body": "D7FBFF32403D5E9975FB52C2FFD74CED1B6196B69621CC996F768F952099A257",
}


@pytest.mark.parametrize(("form", "digest"), SIGNED.items())
def test_what_is_signed_is_an_option(form: str, digest: str) -> None:
    assert len(read_onboarding(f"t={AT},s0={digest}", webhook_secrets=["key"], webhook_signed=form)) == 1


GOOD = signature(AT, BODY, ["key"])


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("", BODY),
        (f"t={AT}", BODY),
        (GOOD.partition(",")[2], BODY),
        (GOOD.replace(str(AT), str(AT + 1)), BODY),
        (GOOD, BODY + b" "),
        (f"t={AT},s0=,s1=", BODY),
        (f"t={AT},s0=å", BODY),
        ("nonsense", BODY),
    ],
    ids=["none", "no signature", "no time", "another time", "another body", "empty", "not ASCII", "nonsense"],
)
def test_a_forged_webhook_is_told_apart(header: str, body: bytes) -> None:
    with pytest.raises(FeedbackError, match="x-signature") as caught:
        read_onboarding(header, body, webhook_secrets=["key"])
    assert caught.value.forged


def test_a_signature_without_a_time_that_can_be_judged_is_forged() -> None:
    with pytest.raises(FeedbackError) as caught:
        read_onboarding(f"t=soon,s0={SIGNED['body']}", webhook_secrets=["key"], webhook_signed="body")
    assert caught.value.forged


def test_secrets_may_be_one_text() -> None:
    account = digitalonboarding.CREDENTIALS | {"webhook_secrets": "new old"}
    assert options_of(DigitalOnboarding, account)["webhook_secrets"] == ["new", "old"]


def test_without_secrets_signatures_are_not_looked_at() -> None:
    (found,) = read_onboarding(f"t={AT},s0=00", webhook_secrets=[])
    assert (found.at, found.signed_at) == (datetime.fromtimestamp(AT, UTC), None)


def test_an_unknown_event_is_kept() -> None:
    body = b'{"contact_id":"c","type":"contact.merged"}'
    (found,) = read_onboarding(signature(AT, body, ["key"]), body, webhook_secrets=["key"])
    assert (found.event, found.original) == ("unknown", "contact.merged")
