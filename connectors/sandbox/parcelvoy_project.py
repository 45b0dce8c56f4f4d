"""What becomes of the calls that Parcelvoy takes. The real one does all of this a little later (contracts.md §4.3)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

User = dict[str, Any]


@dataclass
class Project:
    users: list[User] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)

    def find(self, external_id: str | None, anonymous_id: str | None = None) -> User | None:
        """The user of an external id, else the one of an anonymous id."""
        for name, value in (("external_id", external_id), ("anonymous_id", anonymous_id)):
            found = next((user for user in self.users if value and user[name] == value), None)
            if found:
                return found
        return None

    def identify(self, given: Mapping[str, Any]) -> User:
        """Create or update: what is given overwrites, `data` is merged one level deep."""
        external_id, anonymous_id = given.get("external_id"), given.get("anonymous_id")
        user = self.find(external_id, anonymous_id)
        if user is None:
            user = {"external_id": external_id, "anonymous_id": anonymous_id or str(uuid.uuid4()), "data": {}}
            self.users.append(user)
        elif anonymous_id and not self.find(None, anonymous_id):
            user["anonymous_id"] = anonymous_id
        traits = {name: value for name, value in given.items() if name not in {"external_id", "anonymous_id", "data"}}
        user |= traits | {"data": user["data"] | (given.get("data") or {})}
        return user

    def alias(self, given: Mapping[str, str]) -> None:
        """Only once, and only for a user who is anonymous yet."""
        anonymous = self.find(None, given["anonymous_id"])
        if anonymous and not anonymous["external_id"] and not self.find(given["external_id"]):
            anonymous["external_id"] = given["external_id"]

    def register(self, device: Mapping[str, Any]) -> None:
        if self.find(device.get("external_id"), device.get("anonymous_id")):  # otherwise it tries again, then gives up
            self.devices[device["device_id"]] = dict(device)

    def track(self, events: Sequence[Mapping[str, Any]], deduplicate: bool) -> None:
        """An event of an unknown user creates the user."""
        seen = {event["distinct_id"] for event in self.events if event.get("distinct_id")} if deduplicate else set()
        for event in events:
            if event.get("distinct_id") in seen:
                continue
            ids = {"external_id": event.get("external_id"), "anonymous_id": event.get("anonymous_id")}
            if not self.find(**ids):
                self.identify({**ids, **(event.get("user") or {})})
            self.events.append(dict(event))

    def delete(self, external_ids: Sequence[str]) -> None:
        self.users = [user for user in self.users if user["external_id"] not in external_ids]
        self.events = [event for event in self.events if event.get("external_id") not in external_ids]

    def events_of(self, external_id: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("external_id") == external_id]
