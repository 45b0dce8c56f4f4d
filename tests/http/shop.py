"""A client with contracts for every surface, published into a fresh ledger, with its keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import requests
from cryptography.fernet import Fernet
from werkzeug.serving import WSGIRequestHandler, make_server

from router.http.app import create_app
from router.http.services import assemble
from router.ledger.base import AccessKey, ClientApiKey
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.publish import publish
from router.settings import Settings
from router.vault import Vault
from tests.http.signing import ACCESS_KEY, JSON, SECRET, Signer

FERNET_KEY = Fernet.generate_key().decode()
OTHER_KEY, OTHER_SECRET = "AKIDOTHER", "another-secret"
PUBLIC, SECRET_KEY = "pk_dbf68c87-e579-4dac-b083-77fed0294e67", "sk_dbf68c87-e579-4dac-b083-77fed0294e67"

CLIENT = """client: shop
groups:
  main_group: {integrations: {}}
"""
TWO_GROUPS = """client: other
groups:
  north: {integrations: {}}
  south: {integrations: {}}
"""
PERSON = """
entity: profile
type: person
hard_id: [customer_id]
fields:
  customer_id: {type: string}
  email: {type: email, optional: true}
  born: {type: date, optional: true}
  tags: {type: list, of: string, optional: true}
  score: {type: integer, optional: true}
"""
PURCHASE = """
entity: event
type: purchase_ev
hard_id: [event_id, line]
profile: {type: person, hard_id: [customer_id]}
fields:
  event_id: {type: string}
  line: {type: integer}
  customer_id: {type: string, optional: true}
  event_datetime: {type: datetime}
"""
PRODUCT_A = """
entity: inventory
type: product_a
hard_id: [item_id]
fields:
  item_id: {type: string}
  name: {type: string, optional: true}
"""
CONTACT = """
entity: contact
hard_id: [epost]
fields:
  epost: {type: email}
  namn: {type: string, optional: true}
  some_tags: {type: list, of: string, optional: true}
"""
V1_EVENT = """
entity: event
hard_id: [event_id]
fields:
  event_id: {type: string}
"""
PRODUCT = """
entity: product
hard_id: [product_id]
fields:
  product_id: {type: string}
"""
USER = """
entity: profile
type: user
hard_id: [user_id]
fields:
  user_id: {type: string}
  external_id: {type: string, optional: true}
  anonymous_id: {type: string, optional: true}
  email: {type: string, optional: true}
  locale: {type: string, optional: true}
  data.city: {type: string, optional: true}
"""
USER_ALIAS = """
entity: alias
type: user
hard_id: [user_id]
fields:
  user_id: {type: string}
  external_id: {type: string}
  anonymous_id: {type: string}
"""
USER_DEVICE = """
entity: device
type: device
hard_id: [device_id]
profile: {type: user, hard_id: [user_id]}
fields:
  device_id: {type: string}
  user_id: {type: string}
  os: {type: string}
"""
USER_EVENT = """
entity: event
type: event
hard_id: [event_id]
profile: {type: user, hard_id: [user_id]}
fields:
  event_id: {type: string}
  user_id: {type: string}
  name: {type: string, optional: true}
  data.sku: {type: string, optional: true}
  data.items: {type: string, optional: true}
  user.email: {type: string, optional: true}
"""
FILES = {
    "shop/client.yaml": CLIENT,
    "shop/profile.person.yaml": PERSON,
    "shop/event.purchase_ev.yaml": PURCHASE,
    "shop/inventory.product_a.yaml": PRODUCT_A,
    "shop/contact.yaml": CONTACT,
    "shop/event.yaml": V1_EVENT,
    "shop/product.yaml": PRODUCT,
    "shop/profile.user.yaml": USER,
    "shop/alias.user.yaml": USER_ALIAS,
    "shop/device.device.yaml": USER_DEVICE,
    "shop/event.event.yaml": USER_EVENT,
    "other/client.yaml": TWO_GROUPS,
    "other/profile.person.yaml": PERSON,
}


def settings(database_url: str, **changes: Any) -> Settings:
    return Settings(database_url=database_url, broker_url="memory://", secret_keys=(FERNET_KEY,), **changes)


def stock(ledger: PostgresLedger) -> None:
    """Publish the mappings and hand out the keys."""
    publish(ledger, [Source(path, text) for path, text in FILES.items()], "tests", "")
    vault, now = Vault([FERNET_KEY]), datetime.now(UTC)
    ledger.add_access_key(AccessKey(ACCESS_KEY, "shop", vault.seal(SECRET), now))
    ledger.add_access_key(AccessKey(OTHER_KEY, "other", vault.seal(OTHER_SECRET), now))
    for token, scope in ((PUBLIC, "public"), (SECRET_KEY, "secret")):
        key = ClientApiKey(token[:11], "shop", "main_group", scope, now)
        ledger.add_client_api_key(key, hashlib.sha256(token.encode()).digest())


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Requests are not news to a test."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver that listens. url: without a slash at its end."""

    url: str
    ledger: PostgresLedger


@contextmanager
def serving(ledger: PostgresLedger, chosen: Settings) -> Iterator[Receiver]:
    """The receiver on a port of its own, in threads of this process."""
    server = make_server("127.0.0.1", 0, create_app(assemble(chosen, ledger)), threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Receiver(f"http://127.0.0.1:{server.server_port}", ledger)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of a receiver. secret and what else the signer takes may be wrong on purpose."""

    receiver: Receiver
    access_key: str = ACCESS_KEY
    secret: str = SECRET

    def call(
        self,
        method: str,
        path: str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
        host: str | None = None,
        now: datetime | None = None,
    ) -> requests.Response:
        """A signed call. body: bytes as they are, anything else as JSON. host: another name for the receiver."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signer = Signer(self.access_key, self.secret, now=now or datetime.now(UTC))
        origin = f"http://{host}" if host else self.receiver.url
        signed = signer.headers(method, f"{origin}{path}", raw, JSON | (headers or {}))
        return requests.request(method, f"{self.receiver.url}{path}", data=raw, headers=signed, timeout=30)

    def post(self, path: str, body: Any, **how: Any) -> requests.Response:
        return self.call("POST", path, body, **how)

    def get(self, path: str, **how: Any) -> requests.Response:
        return self.call("GET", path, **how)
