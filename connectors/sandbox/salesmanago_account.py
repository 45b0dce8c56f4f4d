"""The contacts and events of one SALESmanago account."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

KEPT_EVENTS = 200_000


@dataclass(slots=True)
class Contact:
    """A contact who is not subscribed until forced in; `opted_out` is of e-mail, `opted_out_phone` of the phone."""

    id: str
    email: str
    data: dict[str, Any] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    properties: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    consents: dict[str, bool] = field(default_factory=dict)
    opted_out: bool = True
    opted_out_phone: bool = True
    deleted: bool = False


@dataclass(slots=True)
class Job:
    """A batch that is applied after some more calls."""

    items: list[dict[str, Any]]
    confirm: bool
    calls_left: int = 2


class Account:
    """What the demo account knows. confirmed: addresses that were mailed a request to confirm their subscription."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}  # by lower-case address
        self._ids: dict[str, Contact] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        self.jobs: dict[int, Job] = {}
        self._pending: list[Job] = []
        self.confirmed: list[str] = []

    def find(self, by: Mapping[str, Any]) -> Contact | None:
        """By `contactId`, which wins, or `email`."""
        if by.get("contactId"):
            return self._ids.get(str(by["contactId"]))
        return self.contacts.get(str(by.get("email") or "").lower())

    def upsert(self, item: Mapping[str, Any], confirm: bool) -> Contact:
        """Add or change a contact. confirm: `useApiDoubleOptIn`, which mails new contacts."""
        given = item["contact"]
        contact = self.find({"contactId": item.get("contactId"), "email": given["email"]})
        if contact is None:
            contact = self.add(given["email"])
            if confirm:
                self.confirmed.append(contact.email)
        contact.data.update({name: value for name, value in given.items() if name != "email"})
        contact.tags |= {tag.upper() for tag in item.get("tags") or ()}
        contact.tags -= {tag.upper() for tag in item.get("removeTags") or ()}
        contact.properties.update(item.get("properties") or {})
        contact.consents.update(
            {each["consentName"]: each["consentAccept"] for each in item.get("consentDetails") or ()}
        )
        details = ("birthday", "province", "lang", "dictionaryProperties", "loyaltyProgram", "owner")
        contact.details.update({name: item[name] for name in details if item.get(name)})
        self._switch(contact, item)
        if new := item.get("newEmail"):
            self.contacts[new.lower()] = self.contacts.pop(contact.email.lower())
            contact.email = new
        return contact

    def takes(self, item: Mapping[str, Any]) -> bool:
        """Whether its `newEmail` is another contact's."""
        other = self.find({"email": item.get("newEmail")})
        return other is not None and other is not self.find(item["contact"])

    def add(self, email: str) -> Contact:
        contact = Contact(str(uuid4()), email)
        self.contacts[email.lower()] = self._ids[contact.id] = contact
        return contact

    def add_event(self, contact: Contact, event: Mapping[str, Any]) -> str:
        """Its id. The same event again is another event."""
        kept = {"date": time.time_ns() // 1_000_000, **event, "eventId": str(uuid4()), "contactId": contact.id}
        self.events.append(kept)
        return str(kept["eventId"])

    def event(self, event_id: Any) -> dict[str, Any] | None:
        return next((each for each in self.events if each["eventId"] == event_id), None)

    def delete(self, contacts: Iterable[Contact]) -> None:
        for contact in list(contacts):
            contact.deleted = True
            del self.contacts[contact.email.lower()], self._ids[contact.id]

    def promise(self, items: list[dict[str, Any]], confirm: bool) -> int:
        """The id of a job that will upsert these contacts."""
        job = self.jobs[len(self.jobs) + 1] = Job(items, confirm)
        self._pending.append(job)
        return len(self.jobs)

    def work(self) -> None:
        """One call's worth of time passes for the jobs."""
        for job in self._pending:
            job.calls_left -= 1
            for item in job.items if job.calls_left == 0 else ():
                self.upsert(item, job.confirm)
        self._pending = [job for job in self._pending if job.calls_left > 0]

    @staticmethod
    def _switch(contact: Contact, item: Mapping[str, Any]) -> None:
        """The four switches; all false leaves the status as it is, and out wins over in."""
        if item.get("forceOptIn"):
            contact.opted_out = False
        if item.get("forceOptOut"):
            contact.opted_out = True
        if item.get("forcePhoneOptIn"):
            contact.opted_out_phone = False
        if item.get("forcePhoneOptOut"):
            contact.opted_out_phone = True


def shown(contact: Contact) -> dict[str, Any]:
    """As `/api/contact/list` shows one: properties come back as a list (contracts.md §1.4)."""
    return {
        "id": contact.id,
        "email": contact.email,
        **{
            name: contact.data.get(name)
            for name in ("name", "phone", "fax", "company", "externalId", "state", "address")
        },
        "optedOut": contact.opted_out,
        "optedOutPhone": contact.opted_out_phone,
        "deleted": contact.deleted,
        "contactTags": [{"tag": tag, "tagName": tag, "score": 0, "tagWithScore": tag} for tag in sorted(contact.tags)],
        "properties": [{"name": name, "value": value} for name, value in contact.properties.items()],
        "consentDetails": [{"consentName": name, "consentAccept": given} for name, given in contact.consents.items()],
        **{name: contact.details.get(name) for name in ("province", "birthday", "lang")},
    }
