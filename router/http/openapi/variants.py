"""What may be sent of each entity and type: by anyone, or by one client with its contracts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.http.openapi.contracts import RECORD, Schema, record, sample
from router.mapping import Entry, MappingSet
from router.model import Entity


@dataclass(frozen=True, slots=True)
class Variant:
    """Records of one entity and type, which is "" for v1.

    groups: for which it holds, None while the client is not known; only: the client has no other.
    title: as it is told from the others. name: of the record's schema. example: a record.
    removal…: the same of what a delete carries, the hard id alone.
    """

    entity: Entity
    type: str
    title: str
    name: str
    schema: Schema
    example: Mapping[str, Any]
    removal_name: str
    removal: Schema
    removal_example: Mapping[str, Any]
    groups: Sequence[str] | None = None
    only: bool = False


# What seeds 000 and 001 publish as samples, and the demo's mappings take.
_PUBLISHED: Mapping[tuple[Entity, str], Mapping[str, Any]] = {
    (Entity.PROFILE, "person"): {
        "customer_id": "c-12345",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "postal_code": "111 17",
        "address": "Kungsbroplan 3",
    },
    (Entity.EVENT, "purchase_ev"): {
        "event_id": "ev-1001",
        "event_type": "purchase",
        "event_datetime": "2021-03-18 11:35:24",
        "customer_id": "c-12345",
        "status": "Completed",
        "payment_method": "Debit Card",
        "total_purchase_amount": "123.75",
        "currency": "SEK",
    },
    (Entity.INVENTORY, "product_a"): {
        "item_id": "4711",
        "inventory_type": "product_a",
        "item_modified": "2020-12-03 17:23:21",
        "name": "Milk",
        "category": "Dairy Products",
        "subcategory": "Cow Milk",
    },
    (Entity.CONTACT, ""): {
        "epost": "john.doe@example.com",
        "namn": "John Doe",
        "something_else": "some value",
        "some_tags": ["TAG1", "TAG2"],
    },
    (Entity.EVENT, ""): {
        "externalId": "o-1001",
        "email": "john.doe@example.com",
        "contactExtEventType": "PURCHASE",
        "value": 123.5,
    },
    (Entity.PRODUCT, ""): {"product_id": "4711", "name": "Milk", "category": "Dairy Products"},
}


def of_anyone() -> list[Variant]:
    """While the client is not known: any fields."""
    return [
        Variant(
            entity=entity,
            type=type,
            title=type or entity.value,
            name="Record",
            schema=RECORD,
            example=example,
            removal_name="Record",
            removal=RECORD,
            removal_example=dict(list(example.items())[:1]),
        )
        for (entity, type), example in _PUBLISHED.items()
    ]


def of_client(published: MappingSet, client: str) -> list[Variant]:
    """By its contracts; groups with the same contract share one."""
    groups = published.groups(client)
    found: dict[tuple[str, str], list[tuple[Entry, list[str]]]] = {}
    for group in groups:
        for key, entry in published.entries[client, group].items():
            shared = found.setdefault(key, [])
            same = next((names for other, names in shared if other.contract == entry.contract), None)
            if same is None:
                shared.append((entry, [group]))
            else:
                same.append(group)
    return [
        _variant(entry, names, alone=len(shared) == 1, only=len(groups) == 1)
        for shared in found.values()
        for entry, names in shared
    ]


def _variant(entry: Entry, groups: Sequence[str], alone: bool, only: bool) -> Variant:
    contract = entry.contract
    title = contract.type or contract.entity.value
    name = ".".join(filter(None, (contract.entity, contract.type, "" if alone else groups[0])))
    example = sample(contract, entry.examples)
    return Variant(
        entity=contract.entity,
        type=contract.type,
        title=title if alone else f"{title} of {' and '.join(groups)}",
        name=name,
        schema=record(contract),
        example=example,
        removal_name=f"removal.{name}",
        removal=record(entry.removal),
        removal_example={name: example[name] for name in contract.hard_id},
        groups=groups,
        only=only,
    )
