"""The shop whose records go through the faults: what it publishes, and how a record is known again at a destination."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

CLIENT = "shop"
MAIN = "main_group"
TO_ALL = ("salesmanago", "sendios", "digitalonboarding")


class Token(NamedTuple):
    """A record: which person it is about, and which of their records it is."""

    person: int
    version: int = 0

    def __str__(self) -> str:
        return f"n{self.person:09d}v{self.version:04d}"


_TOKEN = re.compile(r"n(\d{9})v(\d{4})")


def tokens_in(text: str) -> list[Token]:
    """The records that a body carries, in its order: each says its own token once."""
    return [Token(int(person), int(version)) for person, version in _TOKEN.findall(text)]


def body(tokens: Sequence[Token], group: str, kinds: Mapping[Token, str]) -> bytes:
    """A call with these records. kinds: of those that are not like the others."""
    data = [
        {
            "customer_id": f"c-{each.person}",
            "email": f"p{each.person}@shop.example",
            "name": str(each),
            "kind": kinds.get(each),
        }
        for each in tokens
    ]
    return json.dumps({"type": "person", "groupKey": group, "data": data[0] if len(data) == 1 else data}).encode()


@dataclass(frozen=True, slots=True)
class Group:
    """integrations: name → what `client.yaml` says of it beyond where it is and who we are there.

    One is named after its connector, with anything behind a dash.
    """

    integrations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calls_back: bool = False


def connector_of(integration: str) -> str:
    return integration.partition("-")[0]


CALLBACKS = "webhook-callbacks"
"""Where callbacks go, as if it were an integration."""
HOOKS = frozenset({"webhook", "fragile"})
"""Connectors that all speak to the sandbox's webhook, each integration at a path of its own name."""
_ACCESS: Mapping[str, Mapping[str, Any]] = {
    "salesmanago": {
        "options": {"client_id": "demo-client", "api_key": "demo-key", "owner": "crm@shop.example"},
        "secrets": {"api_secret": "salesmanago_api_secret"},
    },
    "sendios": {"options": {"client_id": 123, "project_id": 55}, "secrets": {"sdk_key": "sendios_sdk_key"}},
    "digitalonboarding": {
        "options": {"client_id": "do-demo"},
        "secrets": {"client_secret": "digitalonboarding_client_secret"},
    },
    **{name: {"secrets": {"secret": "webhook"}} for name in HOOKS},
}
SECRETS = {
    "salesmanago_api_secret": ("salesmanago", "api_secret"),
    "sendios_sdk_key": ("sendios", "sdk_key"),
    "digitalonboarding_client_secret": ("digitalonboarding", "client_secret"),
    "webhook": ("webhook", "secret"),
}
"""Our name of a secret → the sandbox that tells it, and as what."""

_DELIVER: Mapping[str, Mapping[str, Any]] = {
    "salesmanago": {"operation": "upsert_contact", "map": {"contact.email": "email", "contact.name": "name"}},
    "sendios": {
        "operation": "send_system",
        "map": {"type_id": {"value": 7}, "data.user.email": "email", "data.user.name": "name"},
    },
    "digitalonboarding": {
        "operation": "upsert_contact",
        "map": {"unique_id": "customer_id", "email": "email", "name_first": "name"},
    },
    **{name: {"operation": "send", "map": {"name": "name", "kind": "kind"}} for name in HOOKS},
}


def documents(groups: Mapping[str, Group], timeout: float, fields: Iterable[str] = ()) -> Mapping[str, str]:
    """The mapping set's files, by path. timeout: of a call, in seconds. fields: further ones that nobody delivers."""
    client = {"client": CLIENT, "groups": {key: _group(one, timeout) for key, one in groups.items()}}
    names = {name for one in groups.values() for name in one.integrations}
    person = {
        "entity": "profile",
        "type": "person",
        "hard_id": ["customer_id"],
        "fields": {
            "customer_id": {"type": "string"},
            "email": {"type": "email"},
            "name": {"type": "string"},
            **{name: {"type": "string", "optional": True} for name in ("kind", *fields)},
        },
        "deliver": {name: _DELIVER[connector_of(name)] for name in sorted(names)},
    }
    files = {f"{CLIENT}/client.yaml": client, f"{CLIENT}/profile.person.yaml": person}
    return {path: json.dumps(document) for path, document in files.items()}  # JSON is YAML too


def _group(group: Group, timeout: float) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "integrations": {name: _integration(name, more, timeout) for name, more in group.integrations.items()}
    }
    if group.calls_back:
        shown["callback"] = {
            "url": {"setting": "sandbox_url", "path": "/webhook/webhook-callbacks"},
            "secret": "webhook",
        }
    return shown


def _integration(name: str, more: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    connector = connector_of(name)
    access = _ACCESS[connector]
    address = ("url", f"/webhook/{name}") if connector in HOOKS else ("base_url", f"/{connector}")
    options = {
        address[0]: {"setting": "sandbox_url", "path": address[1]},
        "timeout": timeout,
        "connect_timeout": min(timeout, 5.0),
        **access.get("options", {}),
    }
    return {"connector": connector, "personal_data": True, **access, "options": options, **more}
