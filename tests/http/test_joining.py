"""Who was joined to a user is delivered as that user: where it was joined, in the client's group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from router.config import Config
from router.ledger.base import ClientApiKey
from router.preview import preview
from tests.http.demo import DEMO, receiving
from tests.http.shop import USER, USER_ALIAS, Receiver

PARCELVOY = """
      parcelvoy:
        connector: parcelvoy
        personal_data: true
        options: {base_url: {setting: sandbox_url, path: /parcelvoy}}
        secrets: {api_key: parcelvoy_api_key}
"""
EVENT = (DEMO / "event.event.yaml").read_text(encoding="utf-8")
CLIENTS = ("one", "two")
GROUPS = ("north", "south")
FILES = {
    f"{client}/{name}": text
    for client in CLIENTS
    for name, text in {
        "client.yaml": f"client: {client}\ngroups:"
        + "".join(f"\n  {group}:\n    integrations:{PARCELVOY}" for group in GROUPS),
        "profile.user.yaml": USER,
        "alias.user.yaml": USER_ALIAS,
        "event.event.yaml": EVENT,
    }.items()
}
WHO = {"anonymous_id": "a"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(FILES) as listening:
        for client in CLIENTS:
            for group in GROUPS:
                key = ClientApiKey(f"{client}-{group}", client, group, "public", datetime.now(UTC))
                listening.ledger.add_client_api_key(key, hashlib.sha256(f"pk_{client}_{group}".encode()).digest())
        yield listening


def post(receiver: Receiver, path: str, body: Any, client: str = "one", group: str = "north") -> None:
    headers = {"Authorization": f"Bearer pk_{client}_{group}"}
    assert requests.post(f"{receiver.url}/api/client/{path}", json=body, headers=headers).status_code == 204


def event(receiver: Receiver, client: str = "one", group: str = "north") -> dict[str, Any]:
    """The record of an event that comes with the anonymous id alone."""
    before = {each.record_id for each in recorded(receiver)}
    post(receiver, "events", [{"name": "n", **WHO}], client, group)
    (new,) = (each for each in recorded(receiver) if each.record_id not in before)
    data: dict[str, Any] = json.loads(new.data)
    return data


def recorded(receiver: Receiver) -> list[Any]:
    return receiver.ledger.recorded(datetime.now(UTC) - timedelta(hours=1), 100)


def test_an_event_of_who_was_joined_is_delivered_as_the_users(receiver: Receiver) -> None:
    assert event(receiver)["user_id"] == "a"
    post(receiver, "alias", {**WHO, "external_id": "u"})
    data = event(receiver)
    assert (data["user_id"], data["external_id"], data["anonymous_id"]) == ("u", "u", "a")
    entry = Config(receiver.ledger).current().set.entry("one", "north", "event", "event")
    assert entry
    (integration,) = preview(entry, data, {"sandbox_url": "http://127.0.0.1:9"}, reveal=True).explanation.integrations
    assert integration.payload is not None
    assert integration.payload["external_id"] == "u"


def test_the_user_who_was_identified_last_has_it(receiver: Receiver) -> None:
    post(receiver, "alias", {**WHO, "external_id": "u"})
    post(receiver, "identify", {**WHO, "external_id": "v"})
    assert event(receiver)["user_id"] == "v"


@pytest.mark.parametrize(("client", "group"), [("one", "south"), ("two", "north")])
def test_where_it_was_not_joined_it_keeps_its_own(receiver: Receiver, client: str, group: str) -> None:
    post(receiver, "alias", {**WHO, "external_id": "u"})
    assert event(receiver, client, group)["user_id"] == "a"
