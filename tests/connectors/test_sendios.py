"""Sendios against its stand-in, over a real socket: what is put on the wire, and what is done there."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from connectors.base import Kind
from connectors.http import HttpWire
from connectors.sandbox import sendios as stand_in
from connectors.sandbox.sendios import CREDENTIALS
from connectors.sandbox.server import Sandbox
from connectors.sendios import Sendios, email_hash
from tests.connectors.sendios import ADA, SAMPLES, Make, connect, send


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def provider(sandbox: Sandbox) -> stand_in.Sendios:
    found: stand_in.Sendios = sandbox.provider("sendios")
    return found


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    """A connector to the stand-in; keywords are its options, beside or instead of the demo account's."""
    wires: list[HttpWire] = []
    yield lambda **options: connect(options.pop("base_url", sandbox.url_of("sendios")), wires, **options)
    for wire in wires:
        wire.close()


@pytest.fixture
def sendios(make: Make) -> Sendios:
    return make()


@pytest.fixture
def user(sendios: Sendios, sandbox: Sandbox, provider: stand_in.Sendios) -> stand_in.User:
    """Ada, created by a mail which the stand-in's list of what it received has forgotten."""
    assert send(sendios, "send_system").delivered
    sandbox.forget()
    return provider.users[55, ADA]


# ---- what is put on the wire -----------------------------------------------------------------------------------------


def test_the_header_is_the_documented_vector(sendios: Sendios) -> None:
    """contracts.md §2.1: the SHA-1 of the SDK key, in hex, is the API key of the wire."""
    token = "MTIzOjk1NzA4MTc0NmI1NDk3N2Q1MWJlZjlmYzc0ZjRkNGZkMDIzYmFiMTM="
    assert f"Basic {token}" == stand_in.AUTHORIZATION  # all that the stand-in lets in
    assert send(sendios, "check_email").delivered


def test_an_api_key_is_used_as_it_is(make: Make) -> None:
    hashed = "957081746b54977d51bef9fc74f4d4fd023bab13"
    assert send(make(sdk_key=None, api_key=hashed), "check_email").delivered


def test_an_sdk_key_given_as_api_key_is_refused(make: Make) -> None:
    outcome = send(make(sdk_key=None, api_key=CREDENTIALS["sdk_key"]), "check_email")
    assert outcome.kind is Kind.REFUSED


@pytest.mark.parametrize("keys", [{}, {"api_key": "a", "sdk_key": "b"}], ids=["neither", "both"])
def test_exactly_one_key_must_be_configured(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of api_key and sdk_key"):
        Sendios.options().load({"client_id": 123, "project_id": 55, **keys})


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_the_address_may_end_in_the_version(end: str, make: Make, sandbox: Sandbox) -> None:
    assert send(make(base_url=sandbox.url_of("sendios") + end), "check_email").delivered


@pytest.mark.parametrize(("operation", "category"), [("send_system", 1), ("send_trigger", 2)])
def test_a_mail_is_documented_shape_with_the_delivery_for_correlation(
    operation: str, category: int, sendios: Sendios, sandbox: Sandbox
) -> None:
    payload = {"type_id": 7, "data": {"user": {"email": ADA, "name": "Ada"}, "order_no": "A-1"}, "meta": {"run": "x"}}
    send(sendios, operation, payload, id="01J")
    (received,) = sandbox.received("sendios")
    assert received["path"] == f"/v1/push/{operation.removeprefix('send_')}"
    assert received["body"] == {
        "type_id": 7,
        "category": category,
        "client_id": 123,
        "project_id": 55,
        "data": {"user": {"email": ADA, "name": "Ada"}, "order_no": "A-1"},
        "meta": {"run": "x", "router_message_id": "01J"},
    }


def test_a_mail_in_the_shape_of_the_php_sdk(make: Make, sandbox: Sandbox) -> None:
    settings = {"subject_id": 3, "template_id": 4}
    payload = {
        "type_id": 7,
        "data": {"user": {"email": ADA, "name": "Ada"}, "order_no": "A-1"},
        "transactional_mail_settings": settings,
    }
    assert send(make(push_shape="php_sdk"), "send_system", payload, id="01J").delivered
    (received,) = sandbox.received("sendios")
    assert received["body"] == {
        "type_id": 7,
        "project_id": 55,
        "email": ADA,
        "data": {"order_no": "A-1", "user": {"name": "Ada"}, "meta": {"router_message_id": "01J"}},
        "transactional_mail_settings": settings,
    }


def test_mail_settings_have_no_place_in_the_documented_shape(sendios: Sendios, sandbox: Sandbox) -> None:
    payload = SAMPLES["send_system"] | {"transactional_mail_settings": {"subject_id": 3}}
    outcome = send(sendios, "send_system", payload)
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, ["transactional_mail_settings"])
    assert sandbox.calls("sendios") == 0


@pytest.mark.parametrize(
    ("email", "segment"),
    [
        ("test@Example.com", "dGVzdEBFeGFtcGxlLmNvbQ%3D%3D"),
        ("~~~???@example.com", "fn5%2BPz8%2FQGV4YW1wbGUuY29t"),
        (ADA, "YWRhQGV4YW1wbGUuY29t"),
    ],
)
def test_an_address_in_a_path_is_standard_base64_percent_encoded(
    email: str, segment: str, sendios: Sendios, sandbox: Sandbox
) -> None:
    """contracts.md §2.3: the vectors, by a request that the stand-in decodes and finds its user with."""
    send(sendios, "send_system", {"type_id": 7, "data": {"user": {"email": email}}})
    assert send(sendios, "set_user_fields", {"email": email, "name": "N"}).delivered
    assert sandbox.received("sendios")[-1]["path"] == f"/v1/userfields/project/55/emailhash/{segment}"


@given(st.emails())
def test_a_path_segment_decodes_to_the_address(email: str) -> None:
    segment = email_hash(email)
    assert not set(segment) & set("/+=")
    plain = segment.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=")
    assert b64decode(plain, validate=True).decode() == email


def test_user_fields_go_flat_with_the_custom_ones_and_a_named_platform(
    sendios: Sendios, sandbox: Sandbox, user: stand_in.User
) -> None:
    payload = {"email": ADA, "language": "sv", "platform_id": "android", "custom_fields": {"tier": "gold", "visits": 3}}
    assert send(sendios, "set_user_fields", payload).delivered
    (received,) = sandbox.received("sendios")
    assert (received["method"], received["path"]) == ("PUT", "/v1/userfields/project/55/emailhash/YWRhQGV4YW1wbGUuY29t")
    assert received["body"] == {"language": "sv", "platform_id": 3, "tier": "gold", "visits": 3}
    assert user.custom_fields == {"tier": "gold", "visits": 3}


def test_user_fields_go_by_id_where_it_is_mapped(sendios: Sendios, sandbox: Sandbox, user: stand_in.User) -> None:
    outcome = send(sendios, "set_user_fields", {"user_id": user.id, "email": ADA, "vip": 1})
    assert (outcome.kind, outcome.provider_id) == (Kind.DELIVERED, str(user.id))
    (received,) = sandbox.received("sendios")
    assert (received["path"], received["body"]) == (f"/v1/userfields/user/{user.id}", {"vip": 1})


PLATFORMS = [
    ("desktop", {}, 1),
    ("ios", {}, 4),
    ("ios", {"ios": 5}, 5),
    (3, {"android": 4}, 3),
    ("fridge", {}, "fridge"),
]


@pytest.mark.parametrize(("mapped", "configured", "sent"), PLATFORMS)
def test_a_platform_is_named_or_numbered(
    mapped: Any, configured: dict[str, int], sent: Any, make: Make, sandbox: Sandbox
) -> None:
    payload = {"type_id": 7, "data": {"user": {"email": ADA, "platform_id": mapped}}}
    send(make(platform_ids=configured), "send_system", payload)
    assert sandbox.received("sendios")[0]["body"]["data"]["user"]["platform_id"] == sent


@pytest.mark.parametrize(
    ("operation", "payload", "method", "path", "body"),
    [
        (
            *("link_client_user", SAMPLES["link_client_user"], "POST", "/v1/clientuser/create"),
            {"email": ADA, "client_user_id": "c-12345", "project_id": 55},
        ),
        ("check_email", {"email": ADA, "sanitize": True}, "POST", "/v1/email/check", {"email": ADA, "sanitize": True}),
        ("unsubscribe", {"email": ADA}, "POST", "/v1/unsub/admin/55/email/YWRhQGV4YW1wbGUuY29t", {}),
        ("unsubscribe", {"user_id": 899002}, "POST", "/v1/unsub/899002/source/8", {}),
        ("unsubscribe", {"user_id": 899002, "source": 9}, "POST", "/v1/unsub/899002/source/9", {}),
        ("resubscribe", {"user_id": 899002}, "DELETE", "/v1/unsub/899002", ""),
        ("resubscribe", {"email": ADA}, "DELETE", "/v1/unsub/899002", ""),
        (
            *("erase_user", {"email": ADA}, "POST", "/v1/user/erase"),
            {"email": ADA, "project_id": 55, "force_delete": False},
        ),
        (
            *("erase_user", {"email": ADA, "force_delete": True}, "POST", "/v1/user/erase"),
            {"email": ADA, "project_id": 55, "force_delete": True},
        ),
    ],
)
def test_the_other_operations(
    operation: str,
    payload: dict[str, Any],
    method: str,
    path: str,
    body: Any,
    sendios: Sendios,
    sandbox: Sandbox,
    user: stand_in.User,
) -> None:
    assert user.id == 899002
    assert send(sendios, operation, payload).delivered
    (received,) = sandbox.received("sendios")
    assert (received["method"], received["path"], received["body"]) == (method, path, body)


@pytest.mark.parametrize("operation", ["set_user_fields", "unsubscribe", "resubscribe"])
def test_somebody_must_be_meant(operation: str, sendios: Sendios, sandbox: Sandbox) -> None:
    outcome = send(sendios, operation, {})
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, ["email"])
    assert sandbox.calls("sendios") == 0


# ---- what is done there ----------------------------------------------------------------------------------------------


def test_unsubscribing_twice_is_delivered_with_a_warning(sendios: Sendios, user: stand_in.User) -> None:
    first, second = send(sendios, "unsubscribe"), send(sendios, "unsubscribe")
    assert (first.delivered, first.warnings) == (True, ())
    assert (second.delivered, second.warnings) == (True, ("the user was unsubscribed already",))


def test_resubscribing_takes_an_unsubscription_back(sendios: Sendios, user: stand_in.User) -> None:
    send(sendios, "unsubscribe")
    assert send(sendios, "resubscribe").delivered
    assert user.unsubscribed is None


CHECKS = [
    ("ada@example.com", ()),
    ("nonsense", ("the address is not valid: invalid",)),
    ("ada@nomx.example", ("the address is not valid: mx_record",)),
    ("ada@gmial.com", ("Sendios corrects the address to another one",)),
]


@pytest.mark.parametrize(("email", "warnings"), CHECKS, ids=["valid", "invalid", "no mail server", "corrected"])
def test_checking_an_address_warns_of_what_is_wrong_with_it(
    email: str, warnings: tuple[str, ...], sendios: Sendios
) -> None:
    outcome = send(sendios, "check_email", {"email": email, "sanitize": True})
    assert (outcome.kind, outcome.warnings) == (Kind.DELIVERED, warnings)


def test_erasing_is_what_a_deletion_becomes(sendios: Sendios, provider: stand_in.Sendios, user: stand_in.User) -> None:
    assert Sendios.operations["erase_user"].removes
    assert send(sendios, "erase_user").delivered
    assert provider.erasures == {user.id: False}


def test_a_forced_erasure_removes_the_user_at_once(
    sendios: Sendios, provider: stand_in.Sendios, user: stand_in.User
) -> None:
    assert send(sendios, "erase_user", {"email": ADA, "force_delete": True}).delivered
    assert user not in provider.users.values()


# ---- the stand-in itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", Sendios.operations)
def test_every_sample_is_delivered(operation: str, sendios: Sendios) -> None:
    assert send(sendios, operation, stand_in.SAMPLES[operation]).delivered


@pytest.mark.parametrize(
    "segment",
    ["dGVzdEBFeGFtcGxlLmNvbQ", "fn5-Pz8_QGV4YW1wbGUuY29t", "test%40Example.com", "fn5+Pz8/QGV4YW1wbGUuY29t"],
    ids=["no padding", "url-safe", "plain", "a slash in the path"],
)
def test_the_stand_in_knows_nobody_by_another_encoding(segment: str, sendios: Sendios, sandbox: Sandbox) -> None:
    for email in ("test@Example.com", "~~~???@example.com"):
        send(sendios, "send_system", {"type_id": 7, "data": {"user": {"email": email}}})
    wire = HttpWire(allow_private=True)
    url = sandbox.url_of("sendios") + f"/v1/userfields/project/55/emailhash/{segment}"
    answer = wire.call("PUT", url, headers={"Authorization": stand_in.AUTHORIZATION}, json={"name": "N"})
    wire.close()
    assert answer.status == 404


def test_the_stand_in_keeps_one_user_for_an_address_in_any_case(sendios: Sendios, provider: stand_in.Sendios) -> None:
    for email in ("Ada@example.com", ADA):
        send(sendios, "send_system", {"type_id": 7, "data": {"user": {"email": email}}})
    assert [user.sent_mails for user in provider.users.values() if user.email != stand_in.DEMO_USER] == [2]
