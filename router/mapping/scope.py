"""What a rule can see: the contract's fields, the file's tables, and what the integration may be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.mapping.contract import Field
from router.mapping.faults import Sheet, suggest
from router.mapping.load import Node

Table = Mapping[str, Any]


@dataclass(slots=True)
class Scope:
    """place: what is being mapped to, as messages call it ("salesmanago.upsert_contact").

    hidden: fields that cannot be used here, and why; "" where that has been told already. ensured: fields that have a
    value in every record that gets here. uncleared: who may not have personal data ("" when cleared). used: collects
    the fields named.
    """

    sheet: Sheet
    fields: Mapping[str, Field]
    tables: Mapping[str, Table]
    place: str = ""
    hidden: Mapping[str, str] = field(default_factory=dict)
    ensured: frozenset[str] = frozenset()
    uncleared: str = ""
    used: set[str] = field(default_factory=set)

    def look_up(self, named: Node) -> Field | None:
        """The field that a text names; None, with a fault, when it cannot be used here."""
        name = named.raw
        if name in self.hidden:
            if why := self.hidden[name]:
                self.sheet.error(named.at, f"'{name}' cannot be used here: {why}")
            return None
        found = self.fields.get(name)
        if found is None:
            self.sheet.error(named.at, f"unknown field '{name}'{suggest(name, self.fields)}")
            return None
        self.used.add(name)
        return found

    def take(self, named: Node) -> Field | None:
        """The same for a field that will be sent."""
        found = self.look_up(named)
        if found and found.personal and self.uncleared:
            clearance = "not cleared for it (personal_data: true in client.yaml)"
            self.sheet.error(named.at, f"'{found.name}' is personal data, and {self.uncleared} is {clearance}")
        return found
