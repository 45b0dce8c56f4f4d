"""A person as each of the three providers takes one, by itself: what the hand-written controls send."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

Person = Mapping[str, Any]

_SHA = sha1(b"bench" + b"bench-client" + b"bench-secret").hexdigest()
_BASIC = "Basic " + b64encode(b"123:" + sha1(b"bench-sdk-key").hexdigest().encode()).decode()


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a person goes, and as what."""

    path: str
    body: Callable[[Person], dict[str, Any]]
    headers: Mapping[str, str] = field(default_factory=dict)


def _salesmanago(person: Person) -> dict[str, Any]:
    name = f"{person['first_name']} {person['last_name']}"
    return {
        "clientId": "bench-client",
        "apiKey": "bench",
        "sha": _SHA,
        "requestTime": int(time.time() * 1000),
        "owner": "crm@bench.example",
        "async": False,
        "contact": {"email": person["email"], "name": name, "phone": person["phone"]},
        "forceOptIn": False,
        "forceOptOut": False,
        "forcePhoneOptIn": False,
        "forcePhoneOptOut": False,
        "birthday": person["birth_date"].replace("-", ""),
        "properties": {"customer": person["customer_id"], "city": person["city"]},
    }


def _sendios(person: Person) -> dict[str, Any]:
    user = {"email": person["email"], "name": person["first_name"], "client_user_id": person["customer_id"]}
    return {
        "type_id": 7,
        "category": 1,
        "client_id": 123,
        "project_id": 55,
        "data": {"user": user, "city": person["city"]},
        "meta": {"message": person["customer_id"]},
    }


def _digitalonboarding(person: Person) -> dict[str, Any]:
    return {
        "unique_id": person["customer_id"],
        "email": person["email"],
        "name_first": person["first_name"],
        "name_last": person["last_name"],
        "phone_mobile": person["phone"],
        "city": person["city"],
        "post_code": person["postal_code"],
    }


PROVIDERS: Mapping[str, Provider] = {
    "salesmanago": Provider("/salesmanago/api/contact/upsert", _salesmanago),
    "sendios": Provider("/sendios/v1/push/system", _sendios, {"Authorization": _BASIC}),
    "digitalonboarding": Provider("/digitalonboarding/v1/contacts", _digitalonboarding, {"Authorization": "Bearer t"}),
}
