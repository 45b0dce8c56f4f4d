"""Data Talks as contracts.md §5 describes it, behind AWS's gateway: v1, v2 and v3.

Modes beside those of every provider: `unsuccessful` (200 with success false), `failed` (500 with a requestId) and
`gateway_timeout` (504).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from connectors.sandbox.base import Call, Reply
from connectors.sandbox.datatalks_access import ACCESS_KEY_ID, MISSING, SECRET_ACCESS_KEY, refusal
from connectors.sandbox.datatalks_rules import DATA_POINTS, GROUPS, DataPoint, faults

CREDENTIALS: dict[str, Any] = {
    "access_key_id": ACCESS_KEY_ID,
    "secret_access_key": SECRET_ACCESS_KEY,
    "group_key": "main_group",
}
SAMPLES: dict[str, dict[str, Any]] = {
    "upsert_profile": {
        "type": "person",
        "data": {"customer_id": 12345, "email": "ada@example.com", "postal_code": "111 17", "birth_date": "1985-12-10"},
    },
    "post_event": {
        "type": "purchase_ev",
        "data": {
            "event_id": "e-1",
            "customer_id": 12345,
            "event_datetime": "2021-03-18 11:35:24",
            "payment_method": "Debit Card",
            "total_purchase_amount": "123.75",
        },
    },
    "upsert_item": {
        "type": "product_a",
        "data": {
            "item_id": "i-1",
            "name": "Milk",
            "item_modified": "2020-12-03 17:23:21",
            "category": "Dairy Products",
        },
    },
    "upsert_contact": {"data": {"email": "ada@example.com", "name": "Ada Lovelace", "some_tags": ["TAG1", "TAG2"]}},
    "delete_contact": {"data": {"email": "ada@example.com"}},
    "post_contact_event": {"data": {"externalId": "e-1", "email": "ada@example.com", "description": "A purchase"}},
    "upsert_product": {"data": {"product_id": "p-1", "name": "Milk", "price": 12.5}},
}

# method and path → data points; v1 has no `type`
ROUTES: Mapping[tuple[str, str], str] = {
    **{
        ("POST", f"/{version}/{name}"): name for version in ("v2", "v3") for name in ("profiles", "events", "inventory")
    },
    ("POST", "/v1/contacts"): "contacts",
    ("DELETE", "/v1/contacts"): "contacts",
    ("POST", "/v1/events"): "v1 events",
    ("POST", "/v1/products"): "products",
}
Key = tuple[Any, ...]


class _BadRequestError(Exception):
    """What `messages` will say."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = list(messages)


class DataTalks:
    name: ClassVar[str] = "datatalks"
    masked: ClassVar[frozenset[str]] = frozenset()
    modes: ClassVar[frozenset[str]] = frozenset({"unsuccessful", "failed", "gateway_timeout"})

    def __init__(self) -> None:
        self.ids: dict[Key, str] = {}  # data points, type and hard id → datatalksId
        self.entities: dict[str, dict[str, Any]] = {}  # by datatalksId

    def clear(self) -> None:
        self.ids.clear()
        self.entities.clear()

    def handle(self, call: Call, mode: str) -> Reply:
        points = ROUTES.get((call.method, call.path))
        if points is None:  # the gateway says the same to a wrong path and to no credentials
            return Reply(403, {"message": MISSING})
        version = call.path.split("/")[1]
        wrong = "told to refuse" if mode == "refuse_credentials" else refusal(call, version, datetime.now(UTC))
        if wrong:
            return Reply(403, {"message": wrong})
        if mode == "gateway_timeout":
            return Reply(504, {"message": "Endpoint request timed out"})
        if mode in {"reject", "unsuccessful", "failed"}:
            status = {"reject": 400, "unsuccessful": 200, "failed": 500}[mode]
            return _reply(status, None, [f"told to be {mode}"])
        try:
            return _reply(200, self._keep(call, points, version), [""])
        except _BadRequestError as error:
            return _reply(400, None, error.messages)

    def _keep(self, call: Call, points: str, version: str) -> str:
        body = _wrapper(call)
        if version == "v1":
            point, kind = DATA_POINTS[points][""], ""
            _check_group(body.get("group_key"), "group_key")
        else:
            point, kind = _data_point(points, body.get("type"))
            if "groupKey" in body:
                _check_group(body["groupKey"], "groupKey")
        if points == "products":
            return self._keep_all(points, point, body["data"])
        data = _object(body.get("data"))
        key = (points, kind, *(data.get(name) for name in point.hard_id))
        if call.method == "DELETE":
            return self._forget(key, faults(point, data))
        return self._upsert(key, point, data, body.get("datatalksId"))

    def _keep_all(self, points: str, point: DataPoint, products: Any) -> str:
        if not isinstance(products, list) or not products:
            raise _BadRequestError("data must be a list of products")
        ids = [self._upsert((points, "", _object(one).get("product_id")), point, one, None) for one in products]
        return ids[-1]

    def _upsert(self, key: Key, point: DataPoint, data: Mapping[str, Any], pinned: Any) -> str:
        if found := faults(point, data):
            raise _BadRequestError(*found)
        if pinned is not None and not _is_uuid(pinned):
            raise _BadRequestError("datatalksId is not a valid UUID")
        entity_id = pinned or self.ids.get(key) or str(uuid.uuid4())
        self.ids[key] = entity_id
        self.entities[entity_id] = {name: data.get(name) for name in point.fields}
        return str(entity_id)

    def _forget(self, key: Key, found: list[str]) -> str:
        if found:
            raise _BadRequestError(*found)
        entity_id = self.ids.pop(key, None) or str(uuid.uuid4())
        self.entities.pop(entity_id, None)
        return entity_id


def _wrapper(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except ValueError:
        raise _BadRequestError("the body is not valid JSON") from None
    if not isinstance(body, dict) or "data" not in body:
        raise _BadRequestError("the body must be an object with data")
    return body


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _BadRequestError("data must be an object")
    return data


def _data_point(points: str, kind: Any) -> tuple[DataPoint, str]:
    known = DATA_POINTS[points]
    if not isinstance(kind, str) or kind not in known:
        raise _BadRequestError(f"type {kind!r} is not known; there are {', '.join(known)}")
    return known[kind], kind


def _check_group(group: Any, name: str) -> None:
    if group not in GROUPS:
        raise _BadRequestError(f"{name} {group!r} is not known")


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def _reply(status: int, datatalks_id: str | None, messages: list[str]) -> Reply:
    """The five members that every answer of its own has (contracts.md §5.4)."""
    body = {
        "success": datatalks_id is not None,
        "messages": messages,
        "requestId": str(uuid.uuid4()),
        "datatalksId": datatalks_id,
        "key": ACCESS_KEY_ID,
    }
    return Reply(status, body, accepted=datatalks_id is not None)
