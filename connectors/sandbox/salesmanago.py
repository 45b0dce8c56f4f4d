"""A stand-in for SALESmanago, as strict as contracts.md §1.8 says; `/api/…` is v2, `/v3/…` is v3.

Its own scenarios beside `reject` and `refuse_credentials`:

    strict_events       an event for an address that no contact has is refused, instead of making the contact
    accept_later        a batch of contacts is answered with a job's id and applied some calls later
    unnamed_failures    one event of a batch fails, and nobody says which
    delete_without_json a deletion is done and answered by a page
    limited_in_words    a 200 that says "Rate limit exceeded"
    block_libraries     Cloudflare's 403 to the User-Agents of HTTP libraries
    block_everybody     the same to all
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from connectors.sandbox.base import Call, Reply
from connectors.sandbox.salesmanago_account import Account
from connectors.sandbox.salesmanago_catalogs import Catalogs
from connectors.sandbox.salesmanago_v2 import Methods

# The demo account, as options of the connector; it has one contact and one product.
CREDENTIALS: dict[str, Any] = {
    "client_id": "demo-client",
    "api_key": "demo-key",
    "api_secret": "demo-secret",
    "owner": "crm@shop.example",
    "api_v3_key": "demo-v3-key",
    "catalog_id": "demo-catalog",
}

_ADA = "ada@example.com"
# A record that the demo account takes, for every operation of the connector.
SAMPLES: dict[str, dict[str, Any]] = {
    "upsert_contact": {
        "contact": {"email": _ADA, "name": "Ada Lovelace", "address": {"city": "Stockholm", "country": "SE"}},
        "tags": ["NEWSLETTER"],
        "properties": {"tier": "gold"},
        "birthday": "18151210",
    },
    "set_consents": {
        "contact": {"email": _ADA},
        "consentDetails": [
            {"consentName": "Newsletter", "consentAccept": True, "agreementDate": "2026-01-01 00:00:00"}
        ],
    },
    "delete_contact": {"email": _ADA, "permanently": True},
    "manage_tags": {"email": _ADA, "tags": ["VIP"], "removeTags": ["LOST"]},
    "opt_in": {"email": _ADA},
    "opt_out": {"email": _ADA},
    "phone_opt_in": {"email": _ADA},
    "phone_opt_out": {"email": _ADA},
    "add_event": {
        "email": _ADA,
        "contactEvent": {
            "date": "2026-01-01 12:00:00",
            "contactExtEventType": "PURCHASE",
            "products": "p-1,p-2",
            "value": 249.5,
            "externalId": "order-1",
        },
    },
    "upsert_product": {"productId": "p-1", "name": "A chair", "price": 249.5, "quantity": 3},
    "update_quantity": {"productId": "demo-product", "quantity": 2},
    "update_price": {"productId": "demo-product", "price": 199.0},
    "upsert_catalog": {"name": "Outlet", "setAsDefault": False, "currency": "SEK", "location": "outlet"},
}

_LIBRARIES = re.compile(r"python-(urllib|requests)|urllib3|curl/|okhttp|java/|go-http|node-fetch|axios", re.IGNORECASE)
_BLOCKED = Reply(403, "<html><title>Access denied</title>error code: 1010</html>", {"Server": "cloudflare"})


class Salesmanago:
    name: ClassVar[str] = "salesmanago"
    masked: ClassVar[frozenset[str]] = frozenset({"apiKey", "sha"})
    modes: ClassVar[frozenset[str]] = frozenset(
        {"strict_events", "accept_later", "unnamed_failures", "delete_without_json", "limited_in_words"}
        | {"block_libraries", "block_everybody"}
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.account = Account()
        self.account.add(_ADA)
        self.catalogs = Catalogs(CREDENTIALS["api_v3_key"], CREDENTIALS["catalog_id"])
        self._v2 = Methods(self.account, CREDENTIALS)

    def handle(self, call: Call, mode: str) -> Reply:
        agent = call.headers.get("user-agent", "")
        if mode == "block_everybody" or (mode == "block_libraries" and (not agent or _LIBRARIES.search(agent))):
            return _BLOCKED
        return self.catalogs.handle(call, mode) if call.path.startswith("/v3/") else self._v2.handle(call, mode)
