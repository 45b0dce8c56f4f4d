"""`new`: a mapping file from a sample record, with guessed types and targets, that passes `check`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.mapping.coercion import Unfit, coerce
from router.mapping.config import Group, Integration
from router.mapping.contract import Contract, Field
from router.mapping.declare import read_contract
from router.mapping.facts import ConnectorFacts, Connectors
from router.mapping.faults import Sheet
from router.mapping.guesses import PERSONAL, hard_id, meaning, type_of_value
from router.mapping.kinds import Kind
from router.mapping.load import Source, parse, resolve
from router.mapping.routes import Written, known_as, routes_of
from router.mapping.schema import FILE
from router.mapping.sets import Mapped
from router.mapping.targets import Form, Target, of_schema
from router.model import Entity

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.@/+-]*(?: [A-Za-z0-9_.@/+-]+)*")


@dataclass(frozen=True, slots=True)
class Guess:
    """targets: dotted target → field. needed: the fields without which the provider would take nothing."""

    operation: str
    targets: Mapping[str, str]
    needed: Sequence[str]


def scaffold(sample: Mapping[str, Any], entity: Entity, type_: str, group: Group, connectors: Connectors) -> str:
    """The text of a file for what a group's client sends; type_ is "" for v1.

    ValueError, saying why, for a sample that is no record.
    """
    contract = _contract(sample, entity, type_)
    values, problems = contract.validate(sample)
    if problems:
        raise ValueError("; ".join(map(str, problems)))
    text = "\n".join([*_declared(contract), *_delivered(contract, group, connectors), ""])
    expected = dict(_payloads(text, values, group, connectors))
    given = ", ".join(f"{_flow(name)}: {_flow(value)}" for name, value in sample.items())
    expect = [f"      {_scalar(name)}: {_flow(payload)}" for name, payload in expected.items()]
    return "\n".join(
        [text, "examples:", f"  - given: {{{given}}}", "    expect:" if expect else "    expect: {}", *expect, ""]
    )


# ---- the contract ----------------------------------------------------------------------------------------------------


def _contract(sample: Mapping[str, Any], entity: Entity, type_: str) -> Contract:
    types = {name: type_of_value(name, value) for name, value in sample.items()}
    naming = hard_id(sample, types, entity)
    of_person = known_as(entity) is not Entity.INVENTORY
    fields = {
        name: Field(name, one, name != naming, one.item.kind is Kind.EMAIL or (of_person and meaning(name) in PERSONAL))
        for name, one in types.items()
    }
    return Contract(entity, type_, fields, (naming,))


def _declared(contract: Contract) -> Iterator[str]:
    yield "# yaml-language-server: $schema=../mapping.schema.json"
    yield f"entity: {contract.entity}"
    if contract.type:
        yield f"type: {_scalar(contract.type)}"
    yield f"hard_id: [{', '.join(map(_scalar, contract.hard_id))}]"
    yield ""
    yield "fields:"
    for one in contract.fields.values():
        words = [f"type: {one.type.kind}", f"of: {one.type.of}" if one.type.of else ""]
        words += ["optional: true" if one.optional else ""]
        words += ["personal: true" if one.personal and one.type.item.kind is not Kind.EMAIL else ""]
        yield f"  {_scalar(one.name)}: {{{', '.join(filter(None, words))}}}"
    yield ""


# ---- the deliveries --------------------------------------------------------------------------------------------------


def _delivered(contract: Contract, group: Group, connectors: Connectors) -> Iterator[str]:
    guesses = {one.name: _guess(contract, one, connectors[one.connector]) for one in group.integrations.values()}
    yield "deliver:" if any(guesses.values()) else "deliver: {}"
    for name, guess in guesses.items():
        if guess is None:
            yield f"  # {name}: no operation could be guessed for these fields"
            continue
        yield f"  {_scalar(name)}:"
        yield f"    operation: {guess.operation}"
        conditions = [f"{{field: {_scalar(field)}, exists: true}}" for field in guess.needed]
        if conditions:
            yield f"    when: {conditions[0] if len(conditions) == 1 else '{all: [' + ', '.join(conditions) + ']}'}"
        yield "    map:"
        yield from (f"      {target}: {_scalar(field)}" for target, field in guess.targets.items())


def _guess(contract: Contract, integration: Integration, facts: ConnectorFacts) -> Guess | None:
    """The first operation whose needs are all met by a field, if only by name.

    Where the provider has operations for such an entity alone, it is one of them: an event does not change a contact.
    """
    fields = [one for one in contract.fields.values() if integration.personal_data or not one.personal]
    entity = known_as(contract.entity)
    fitting = {name: one for name, one in facts.operations.items() if entity in one.entities and not one.removes}
    own = {name: one for name, one in fitting.items() if one.entities == {entity}}
    for name, operation in (own or fitting).items():
        target = of_schema(operation.fields)
        if not own and entity is not Entity.PROFILE:  # what is changed is the contact, whose id is another
            fields = [one for one in fields if one.name not in contract.hard_id]
        naming = contract.hard_id if own or entity is Entity.PROFILE else ()
        targets = dict(_matches(target, fields, naming))
        needs = set(target.needs())
        if targets and needs <= targets.keys():
            needed = {targets[need] for need in needs} - set(contract.hard_id)
            return Guess(name, targets, sorted(needed))
    return None


def _matches(target: Target, fields: Sequence[Field], naming: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each target with the field of the same meaning, the hard id for an id; a field is used once."""
    left = list(fields)
    for dotted, one in _leaves(target):
        wanted = meaning(dotted)
        found = next((field for field in left if meaning(field.name) == wanted and _fits(field, one)), None)
        if found is None and wanted in ("id", "productid"):
            found = next((field for field in left if field.name in naming and _fits(field, one)), None)
        if found:
            left.remove(found)
            yield dotted, found.name


def _leaves(target: Target, prefix: str = "") -> Iterator[tuple[str, Target]]:
    for name, one in target.members.items():
        if one.members:
            yield from _leaves(one, f"{prefix}{name}.")
        elif one.form is not Form.ANY:
            yield prefix + name, one


def _fits(field: Field, target: Target) -> bool:
    return not isinstance(coerce(field.type, target), Unfit)


def _payloads(
    text: str, values: Mapping[str, Any], group: Group, connectors: Connectors
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """What the file makes of the sample, by integration."""
    sheet = Sheet()
    node = parse(Source("new", text), sheet)
    node = FILE.read(node, sheet) if node else None
    contract = read_contract(node, sheet) if node else None
    if node is None or contract is None:
        raise ValueError("; ".join(map(str, sheet.told())))
    for route in routes_of(Written("new", "", "", node, contract, {}), group, connectors, sheet)[0]:
        outcome = route.map(values)
        yield route.integration.name, outcome.payload if isinstance(outcome, Mapped) else None


# ---- YAML ------------------------------------------------------------------------------------------------------------


def _flow(value: Any) -> str:
    """JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and resolve(text) == text else _flow(text)
