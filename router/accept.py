"""Accept a call: check it against the published contract, say all that is wrong with it, identify and keep it."""

from __future__ import annotations

import json
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
    many: `data` was an array, so faults are told by index.
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
    many: bool = False
    idempotency: Idempotency | None = None


def accept(call: Call, snapshot: Snapshot, ledger: Intake) -> Accepted:
    """Keep the call, durable on return. Raises `BadCall`, and what `Intake.accept` raises."""
    group = _group(call, snapshot)
    contract = _contract(call, snapshot)
    if isinstance(group, list) or isinstance(contract, list):
        faults = (group if isinstance(group, list) else []) + (contract if isinstance(contract, list) else [])
        raise BadCall(faults)
    records = _records(call, contract)
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


def _group(call: Call, snapshot: Snapshot) -> str | list[str]:
    groups = snapshot.set.groups(call.client)
    if call.group is None:
        return groups[0] if len(groups) == 1 else [f"groupKey: missing; name one of {', '.join(groups) or 'none'}"]
    if call.group not in groups:
        return [f"groupKey: {call.group[:80]!r} is not known; name one of {', '.join(groups) or 'none'}"]
    return call.group


def _contract(call: Call, snapshot: Snapshot) -> Contract | list[str]:
    found = snapshot.set.contract(call.client, call.entity, call.type)
    if found is not None:
        return found.removal() if call.action is Action.DELETE else found
    types = snapshot.set.types(call.client, call.entity)
    if not call.type:
        return [f"{call.entity}: this client has no mapping for it"]
    return [f"type: {call.type[:80]!r} is not known for {call.entity}; name one of {', '.join(types) or 'none'}"]


def _records(call: Call, contract: Contract) -> list[NewRecord]:
    faults: list[str] = []
    records = []
    client, entity, type = call.client, call.entity, call.type
    for index, data in enumerate(call.records):
        values, problems = contract.validate(data)
        if problems:
            where = f"data[{index}]" if call.many else "data"
            faults += [f"{where}.{problem}" for problem in problems]
            continue
        profile = contract.profile_of(values)
        records.append(
            NewRecord(
                data=json.dumps(values, ensure_ascii=False, separators=(",", ":")),
                key=identity_key(client, entity, type, contract.hard_id_of(values)),
                subject=identity_key(client, profile.entity, profile.type, profile.hard_id) if profile else None,
                subject_type=profile.type if profile else "",
                pinned=call.pins[index] if call.pins else None,
            )
        )
    if faults:
        raise BadCall(faults)
    return records
