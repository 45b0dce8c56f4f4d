"""Accept a call: check it against the published contract, say all that is wrong with it, identify and keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from router.config import CALLBACK, ROUTE, Snapshot
from router.ledger.base import Intake
from router.mapping import Contract
from router.model import (
    Accepted,
    Action,
    Entity,
    Environment,
    Idempotency,
    NewRecord,
    NewRequest,
    compact,
    identity_key,
)

MOST_MESSAGES = 50


class BadCall(Exception):
    """A call that cannot be accepted. messages: every fault, `data[3].email: …`, at most fifty."""

    def __init__(self, messages: Sequence[str]) -> None:
        shown = list(messages[:MOST_MESSAGES])
        if len(messages) > MOST_MESSAGES:
            shown[-1] = f"{len(messages) - MOST_MESSAGES + 1} more faults are not shown"
        self.messages = tuple(shown)
        super().__init__("; ".join(shown))


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was understood, not yet checked.

    type: "" for v1, which has none. group: None when left out. pins: datatalksIds sent along, by record, or empty.
    joins: by record, another hard id of the profile, which names this one from now on, or empty.
    many: `data` was an array, so faults are told by index. faults: what is already known to be wrong with it.
    """

    request_id: UUID
    client: str
    credential: str
    environment: Environment
    surface: str
    entity: Entity
    action: Action
    type: str
    group: str | None
    records: Sequence[Mapping[str, Any]]
    pins: Sequence[UUID | None] = ()
    joins: Sequence[str | None] = ()
    many: bool = False
    idempotency: Idempotency | None = None
    faults: Sequence[str] = ()


def accept(call: Call, snapshot: Snapshot, ledger: Intake) -> Accepted:
    """Keep the call, durable on return. Raises `BadCall`, and what `Intake.accept` raises."""
    faults = list(call.faults)
    group = _group(call, snapshot, faults)
    contract = _contract(call, group, snapshot, faults)
    records = _records(call, contract, faults) if contract is not None else []
    if faults or group is None:
        raise BadCall(faults)
    route = snapshot.number(call.client, "", ROUTE)
    assert route is not None, "publishing makes every client's routing destination"
    return ledger.accept(
        NewRequest(
            request_id=call.request_id,
            client=call.client,
            environment=call.environment,
            surface=call.surface,
            group=group,
            entity=call.entity,
            type=call.type,
            action=call.action,
            mapping_version=snapshot.publication.digest,
            credential=call.credential,
            route=route,
            callback=snapshot.number(call.client, group, CALLBACK),
            records=records,
            idempotency=call.idempotency,
        )
    )


def _group(call: Call, snapshot: Snapshot, faults: list[str]) -> str | None:
    groups = snapshot.set.groups(call.client)
    if call.group in groups:
        return call.group
    if call.group is None and len(groups) == 1:
        return next(iter(groups))
    what = "missing" if call.group is None else f"{call.group[:80]!r} is not known"
    faults.append(f"groupKey: {what}; this client has {', '.join(sorted(groups)) or 'none'}")
    return None


def _contract(call: Call, group: str | None, snapshot: Snapshot, faults: list[str]) -> Contract | None:
    """The group's contract; where the group is not known, any group's, so that the records' faults are told as well."""
    groups = [group] if group is not None else list(snapshot.set.groups(call.client))
    for each in groups:
        found = snapshot.set.contract(call.client, call.entity, call.type, each, call.action)
        if found is not None:
            return found
    types = [type for type in snapshot.set.types(call.client, call.entity, group) if type]
    if call.type:
        known = ", ".join(types) or "none"
        faults.append(f"type: {call.type[:80]!r} is not known for {call.entity}; this client has {known}")
    elif groups:
        faults.append(f"{call.entity}: this client has no mapping for it")
    return None


def _records(call: Call, contract: Contract, faults: list[str]) -> list[NewRecord]:
    records = []
    client, type = call.client, call.type
    entity = Entity.PROFILE if call.entity is Entity.ALIAS else call.entity  # an alias is of the profile it names
    for index, data in enumerate(call.records):
        values, problems = contract.validate(data)
        if problems:
            where = f"data[{index}]" if call.many else "data"
            faults += [f"{where}.{problem}" for problem in problems]
            continue
        profile = contract.profile_of(values)
        joined = call.joins[index] if call.joins else None
        records.append(
            NewRecord(
                data=compact(values),
                key=identity_key(client, entity, type, contract.hard_id_of(values)),
                subject=identity_key(client, profile.entity, profile.type, profile.hard_id) if profile else None,
                subject_type=profile.type if profile else "",
                pinned=call.pins[index] if call.pins else None,
                joins=identity_key(client, entity, type, (joined,)) if joined else None,
                known_as=contract.hard_id_of(values)[0] if joined else None,
            )
        )
    return records
