"""A provider's news as the ledger keeps it, and as the client is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from router import callback
from router.catalog import Feedback
from router.feedback import LONGEST, new_token, news, number_of, path
from router.model import identity_key

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
OPENED = Feedback("opened", "open", AT, provider_id="7", client_user_id="c-1", email_hash="ab12", detail={"mail_id": 7})
PEOPLE = [("profile", "person"), ("contact", "")]
DELIVERY = "01a1fd5b-4cac-8a85-bc94-596edd07e001"


def key(told: Feedback, number: int = 3) -> UUID:
    return news(told, number, "shop", PEOPLE).key


CHANGES: dict[str, Any] = {
    "at": AT.replace(second=1),
    "original": "open_amp",
    "delivery_id": DELIVERY,
    "provider_id": "8",
    "client_user_id": "c-2",
    "email_hash": "cd34",
    "detail": {"mail_id": 8},
}


def test_a_repeat_has_the_same_key() -> None:
    assert key(OPENED) == key(replace(OPENED))


@pytest.mark.parametrize("name", CHANGES)
def test_other_news_has_another(name: str) -> None:
    assert key(OPENED) != key(replace(OPENED, **{name: CHANGES[name]}))


def test_the_same_of_another_destination_has_another() -> None:
    assert key(OPENED, 3) != key(OPENED, 4)


def test_without_a_time_nothing_is_a_repeat() -> None:
    untimed = replace(OPENED, at=None)
    assert key(untimed) != key(untimed)


def test_a_person_is_whom_the_provider_names_else_their_address() -> None:
    people = [news(each, 3, "shop", PEOPLE).person for each in (OPENED, replace(OPENED, provider_id=None))]
    assert people == ["7", "ab12"]


def test_ids_and_addresses_may_be_hard_ids() -> None:
    kept = news(replace(OPENED, email=" Ada@Example.com "), 3, "shop", PEOPLE)
    names = ["c-1", "Ada@Example.com", "ada@example.com"]
    assert set(kept.identities) == {identity_key("shop", *kind, [name]) for kind in PEOPLE for name in names}


@pytest.mark.parametrize(("told", "found"), [(DELIVERY, UUID(DELIVERY)), ("01J", None), (None, None)])
def test_only_what_is_an_id_of_ours_names_a_delivery(told: str | None, found: UUID | None) -> None:
    assert news(replace(OPENED, delivery_id=told), 3, "shop", PEOPLE).delivery == found


@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 1000], ids=["NUL", "half a character", "long"])
def test_any_text_can_be_kept(text: str) -> None:
    told = Feedback("opened", text, AT, provider_id=text, client_user_id=text, email=text, detail={"reason": text})
    kept = news(told, 3, "shop", PEOPLE)
    texts = [kept.original, kept.person or "", kept.detail["reason"]]
    assert all(len(each) <= LONGEST and "\0" not in each and each.encode() for each in texts)


def test_a_token_names_its_destination_and_is_never_the_same() -> None:
    tokens = {new_token(42) for _ in range(10)}
    assert len(tokens) == 10
    assert {number_of(token) for token in tokens} == {42}


@pytest.mark.parametrize("token", ["", "-x", "x-1", "٣-x", "-1-x", "99999999-x", " 1-x", "1.0-x"])
def test_what_names_no_destination(token: str) -> None:
    assert number_of(token) is None


def test_the_address_is_a_path() -> None:
    assert path("mail & more", "1-x") == "/hooks/mail%20%26%20more/1-x"


# ---- told to the client ----------------------------------------------------------------------------------------------

TOLD = {"feedbackId": "f-1", "event": "opened"}
DOCUMENT = {
    "requestId": "r-1",
    "records": [
        {"index": 3, "deliveries": [{"deliveryId": DELIVERY, "history": [], "feedback": [{"feedbackId": "f-0"}, TOLD]}]}
    ],
    "callbacks": [],
}
NOTICE = {"type": "delivery.feedback", "deliveryId": DELIVERY, "feedbackId": "f-1"}


def test_a_callback_says_what_was_told_and_of_which_delivery() -> None:
    body = callback.body(NOTICE, DOCUMENT, AT)
    assert (body["type"], body["data"]["deliveryId"], body["data"]["feedback"]) == ("delivery.feedback", DELIVERY, TOLD)


def test_its_document_is_of_that_delivery_alone() -> None:
    assert callback.alone(NOTICE) == UUID(DELIVERY)
    assert callback.alone({"type": "delivery.dead", "deliveryId": DELIVERY}) is None
