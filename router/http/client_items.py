"""What a valid body of the client API says, as records for the ledger: pure.

Profiles are found by `user_id`: the external id, or the one that the anonymous id was joined to, or else the anonymous
id. Nested members become fields with dotted names (`data.city`, `user.email`), so a contract lists them like any
others; a list of objects becomes its JSON text. Types are fixed, for Parcelvoy has none: profile and alias `user`,
event `event`, device `device`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from router.model import MAX_RECORDS, Action, Entity, compact

Item = Mapping[str, Any]
USER = "user"
_SCALARS = frozenset({str, int, float, bool, type(None)})
_ALIASES = {"properties": "data", "traits": "data"}  # what the Android and the JS SDK call it (contracts.md §4.5)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one entity. joins: by record, the anonymous id that is the same user's from now on.

    useless: positions of items that name nobody or no device, for an id may be null or blank; nothing can be done with
    them.
    """

    entity: Entity
    type: str
    records: Sequence[Item]
    joins: Sequence[str | None] = ()
    action: Action = Action.UPSERT
    useless: Sequence[int] = ()

    def pieces(self) -> list[Batch]:
        """As many records in each as a request may have; none without records."""
        return [
            replace(self, records=self.records[at : at + MAX_RECORDS], joins=self.joins[at : at + MAX_RECORDS])
            for at in range(0, len(self.records), MAX_RECORDS)
        ]

    def anonymous(self) -> set[str]:
        """The ids of those that are named by no other."""
        return {record["user_id"] for record in self.records if not _said(record.get("external_id"))}

    def named(self, known: Mapping[str, str]) -> Batch:
        """With the external ids that anonymous ones were joined to."""
        if not known:
            return self
        names = [None if _said(each.get("external_id")) else known.get(each["user_id"]) for each in self.records]
        records = [
            {**record, "user_id": name, "external_id": name} if name else record
            for record, name in zip(self.records, names, strict=True)
        ]
        return replace(self, records=records)


def alias(*bodies: Item) -> list[Batch]:
    return [_batch(Entity.ALIAS, USER, bodies)]


def identify(body: Item) -> list[Batch]:
    return users([body])


def devices(body: Item) -> list[Batch]:
    return [_batch(Entity.DEVICE, "device", [body])]


def events(body: Sequence[Item]) -> list[Batch]:
    return [_batch(Entity.EVENT, "event", [{**item, "event_id": _event_id(item)} for item in body])]


def users(body: Sequence[Item]) -> list[Batch]:
    return [_batch(Entity.PROFILE, USER, body)]


def deletions(ids: Iterable[str]) -> list[Batch]:
    return [_batch(Entity.PROFILE, USER, [{"external_id": each} for each in ids], Action.DELETE)]


def segment(body: Sequence[Item]) -> list[Batch] | None:
    """Segment's messages: alias, identify and track; other types are ignored. None where Parcelvoy breaks down."""
    if any(not _identifiable(item) for item in body if item["type"] == "identify"):
        return None
    return [
        *alias(*[_aliased(item) for item in body if item["type"] == "alias"]),
        *users([_identified(item) for item in body if item["type"] == "identify"]),
        *events([_tracked(item) for item in body if item["type"] == "track"]),
    ]


def lenient_identify(body: Any) -> Any:
    """A profile whose data has another name."""
    return _with_data(body) if isinstance(body, dict) else body


def lenient_events(body: Any) -> Any:
    """Events whose data has another name; a single one stands for an array of one."""
    items = body if isinstance(body, list) else [body] if isinstance(body, dict) and body else None
    return body if items is None else [_with_data(item) if isinstance(item, dict) else item for item in items]


def tracked(body: Any) -> Any:
    """What the JS SDK posts to `track`, as events."""
    if isinstance(body, dict) and "name" not in body and "event" in body:
        body = {"name" if name == "event" else name: value for name, value in body.items()}
    return lenient_events(body)


def _with_data(item: Item) -> dict[str, Any]:
    """With `properties` or `traits` as `data`, unless it has data too."""
    if item.get("data") is not None:
        return dict(item)
    return {_ALIASES.get(name, name): value for name, value in item.items() if name != "data"}


def _batch(entity: Entity, type: str, items: Iterable[Item], action: Action = Action.UPSERT) -> Batch:
    records: list[Item] = []
    joins: list[str | None] = []
    useless: list[int] = []
    for index, item in enumerate(items):
        external, anonymous = _said(item.get("external_id")), _said(item.get("anonymous_id"))
        if not (external or anonymous) or (entity is Entity.DEVICE and not _said(item["device_id"])):
            useless.append(index)
            continue
        record: dict[str, Any] = {}
        _flatten(item, "", record)
        record["user_id"] = external or anonymous
        records.append(record)
        joins.append(anonymous if external else None)
    joining = entity in (Entity.PROFILE, Entity.ALIAS) and any(joins)
    return Batch(entity, type, records, joins if joining else (), action, useless)


def _flatten(item: Item, prefix: str, record: dict[str, Any]) -> None:
    """Scalars and lists of scalars under dotted names. A name that is taken keeps its first value."""
    for name, value in item.items():
        path = prefix + name
        if value.__class__ is dict:
            _flatten(value, f"{path}.", record)
        elif value.__class__ in _SCALARS or all(each.__class__ in _SCALARS for each in value):
            record.setdefault(path, value)
        else:
            record.setdefault(path, compact(value))


def _said(id: Any) -> str | None:
    """An id that names something: blank ones do not."""
    return id if isinstance(id, str) and id.strip() else None


def _event_id(item: Item) -> str:
    """The client's, by which Parcelvoy knows a repeat (contracts.md §4.2), or a new one."""
    return _said(item.get("distinct_id")) or str(uuid4())


def _ids(item: Item) -> dict[str, Any]:
    return {"external_id": item.get("userId"), "anonymous_id": item.get("anonymousId")}


def _aliased(item: Item) -> dict[str, Any]:
    return {"external_id": item.get("userId"), "anonymous_id": item.get("anonymousId") or item.get("previousId")}


def _identifiable(item: Item) -> bool:
    """Parcelvoy reads the context without looking whether there is one, and splits the locale without looking at it."""
    context = item.get("context")
    return context is not None and (not context.get("locale") or isinstance(context["locale"], str))


def _identified(item: Item) -> dict[str, Any]:
    traits, context = item.get("traits") or {}, item["context"]
    contact = {"email": traits.get("email"), "phone": traits.get("phone")}
    place = {"timezone": context.get("timezone"), "locale": context.get("locale")}
    return {**_ids(item), **contact, **place, "data": traits}


def _tracked(item: Item) -> dict[str, Any]:
    data = {**(item.get("properties") or {}), **(item.get("context") or {})}
    told = {"name": item.get("event"), "distinct_id": item.get("messageId"), "created_at": item.get("timestamp")}
    return {**_ids(item), **told, "data": data}
