"""API v2 of the SALESmanago stand-in: refusals are answered 200 with `success: false` (contracts.md §1.3 to §1.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from connectors.sandbox.base import Call, Reply
from connectors.sandbox.salesmanago_account import Account, Contact, shown
from connectors.sandbox.salesmanago_rules import of_contact, of_email, of_event, of_tags
from connectors.sandbox.scenario import HTML

CONSENTS = frozenset({"Newsletter", "SMS offers"})
MOST_IN_BATCH = 1000
MOST_IN_LIST = 50

Body = Mapping[str, Any]


class RefusedError(Exception):
    """A v2 refusal: HTTP 200 and `success: false`. Its arguments are the messages."""


class Methods:
    """What can be asked of an account. Each takes the body and the mode, and raises RefusedError."""

    def __init__(self, account: Account, credentials: Mapping[str, str]) -> None:
        self.account = account
        self._credentials = credentials

    def handle(self, call: Call, mode: str) -> Reply:
        method = METHODS.get(call.path)
        if method is None:
            return Reply(404, HTML)
        if unfit := _unfit(call):
            return unfit
        self.account.work()
        try:
            body = _object(call)
            identify(body, self._credentials, mode, method.owned)
            answer = method.answer(self, body, mode)
        except RefusedError as refusal:
            return Reply(200, {"success": False, "message": list(refusal.args)})
        except ValueError:
            return Reply(400, {"success": False, "message": ["Malformed JSON"]})
        if mode == "delete_without_json" and call.path == "/api/contact/delete":
            return Reply(200, HTML, accepted=True)
        return Reply(200, {"success": True, "message": [], **answer}, accepted=method.changes)

    # ---- contacts

    def upsert(self, body: Body, _: str) -> Body:
        self._check(body)
        contact = self.account.upsert(body, body.get("useApiDoubleOptIn", True))
        return {"contactId": contact.id, "externalId": contact.data.get("externalId")}

    def insert(self, body: Body, mode: str) -> Body:
        self._check(body)
        if self.account.find(body["contact"]):
            raise RefusedError("Contact already exists")
        return self.upsert(body, mode)

    def update(self, body: Body, mode: str) -> Body:
        self._check(body)
        self._known({**body["contact"], **body})
        return self.upsert(body, mode)

    def batch_upsert(self, body: Body, mode: str) -> Body:
        items = self._checked(body)
        if mode == "accept_later":
            return self.batch_upsert_later(body, mode)
        confirm = body.get("useApiDoubleOptIn", True)
        return {"contactIds": {item["contact"]["email"]: self.account.upsert(item, confirm).id for item in items}}

    def batch_upsert_later(self, body: Body, _: str) -> Body:
        return {"requestId": self.account.promise(self._checked(body), body.get("useApiDoubleOptIn", True))}

    def job_status(self, body: Body, _: str) -> Body:
        job = next((job for number, job in self.account.jobs.items() if number == body.get("requestId")), None)
        if job is None:
            raise RefusedError("Request not found")
        return {"message": ["Request is being processed"] if job.calls_left > 0 else []}

    def has_contact(self, body: Body, _: str) -> Body:
        _refuse(of_email(body.get("email")))
        contact = self.account.find(body)
        return {"result": True, "contactId": contact.id} if contact else {"result": False}

    def delete(self, body: Body, _: str) -> Body:
        self.account.delete([self._known(body)])
        return {"result": "Contact deleted"}

    def show(self, body: Body, _: str) -> Body:
        name = "contactId" if "contactId" in body else "email"
        found = (self.account.find({name: each}) for each in _list(body, name, MOST_IN_LIST))
        return {"contacts": [shown(contact) for contact in found if contact]}

    def manage_tags(self, body: Body, _: str) -> Body:
        _refuse(of_tags(body))
        contact = self._known(body)
        contact.tags |= {tag.upper() for tag in body.get("tags") or ()}
        contact.tags -= {tag.upper() for tag in body.get("removeTags") or ()}
        return {"contactId": contact.id}

    def opt_in(self, body: Body, _: str) -> Body:
        self._known(body).opted_out = False
        return {}

    def opt_out(self, body: Body, _: str) -> Body:
        self._known(body).opted_out = True
        return {}

    def phone_opt_in(self, body: Body, _: str) -> Body:
        self._known(body).opted_out_phone = False
        return {}

    def phone_opt_out(self, body: Body, _: str) -> Body:
        self._known(body).opted_out_phone = True
        return {}

    def users(self, _: Body, __: str) -> Body:
        return {"users": [self._credentials["owner"]]}

    # ---- events

    def add_event(self, body: Body, mode: str) -> Body:
        _refuse(of_event(body.get("contactEvent")))
        contact = self.account.find(body)
        if contact is None:
            if mode == "strict_events" or not body.get("email"):
                raise RefusedError("Contact not found")
            _refuse(of_email(body["email"]))
            contact = self.account.add(body["email"])
        if body.get("forceOptIn"):
            contact.opted_out = False
        return {"eventId": self.account.add_event(contact, body["contactEvent"])}

    def add_events(self, body: Body, mode: str) -> Body:
        events = _list(body, "events", MOST_IN_BATCH)
        for each in events:
            _refuse(of_event(each.get("contactEvent") if isinstance(each, dict) else None))
        failed = [each for each in events if not self.account.find(each)]
        if mode == "unnamed_failures":
            events, failed = events[1:], [events[0]]
        for each in events:
            if contact := self.account.find(each):
                self.account.add_event(contact, each["contactEvent"])
        named = [] if mode == "unnamed_failures" else [each.get("contactId") or each.get("email") for each in failed]
        return {"failedContacts": named, "createdAmount": len(events) - len(named), "failedAmount": len(failed)}

    def update_event(self, body: Body, _: str) -> Body:
        _refuse(of_event(body.get("contactEvent")))
        event = self.account.event(body["contactEvent"].get("eventId"))
        if event is None:
            raise RefusedError("Event not found")
        event.update(body["contactEvent"])
        return {"eventId": event["eventId"]}

    def delete_event(self, body: Body, _: str) -> Body:
        event = self.account.event(body.get("eventId"))
        if event is None:
            raise RefusedError("Event not found")
        self.account.events.remove(event)
        return {"result": "deleted"}

    # ---- what they share

    def _checked(self, body: Body) -> list[dict[str, Any]]:
        """The items of a batch, which one bad item refuses whole."""
        items = _list(body, "upsertDetails", MOST_IN_BATCH)
        for item in items:
            self._check(item if isinstance(item, dict) else {})
        return items

    def _check(self, item: Body) -> None:
        _refuse(of_contact(item, CONSENTS))
        if self.account.takes(item):
            raise RefusedError("newEmail: another contact has this address")

    def _known(self, by: Body) -> Contact:
        contact = self.account.find(by)
        if contact is None:
            raise RefusedError("Contact not found")
        return contact


def identify(body: Body, credentials: Mapping[str, str], mode: str, owned: bool) -> None:
    """The members that every v2 body has (contracts.md §1.2). Raises RefusedError."""
    for name in ("clientId", "apiKey", "sha"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise RefusedError(f"{name}: required")
    time = body.get("requestTime")
    if not isinstance(time, int) or isinstance(time, bool) or time <= 0:
        raise RefusedError("requestTime: must be a whole number")
    expected = sha1(f"{body['apiKey']}{body['clientId']}{credentials['api_secret']}".encode()).hexdigest()  # noqa: S324 (the provider's choice)
    if mode == "refuse_credentials" or body["clientId"] != credentials["client_id"] or body["sha"] != expected:
        raise RefusedError("User not authenticated")
    if mode == "limited_in_words":
        raise RefusedError("Rate limit exceeded")
    if owned and body.get("owner") != credentials["owner"]:
        raise RefusedError("owner: no such user")
    if mode == "reject":
        raise RefusedError("Rejected, as the sandbox was told to")


def _unfit(call: Call) -> Reply | None:
    if call.method != "POST":
        return Reply(405, {"success": False, "message": ["Request method not supported"]})
    if "application/json" not in call.headers.get("content-type", ""):
        return Reply(415, {"success": False, "message": ["Content type not supported"]})
    return None


def _object(call: Call) -> Body:
    """Raises ValueError when the body is no JSON object."""
    body = call.json()
    if not isinstance(body, dict):
        raise ValueError("not an object")  # noqa: TRY004 (both are malformed to the API)
    return body


def _refuse(faults: Iterable[str]) -> None:
    if found := list(faults):
        raise RefusedError(*found)


def _list(body: Body, name: str, most: int) -> list[Any]:
    found = body.get(name)
    if not isinstance(found, list) or not 0 < len(found) <= most:
        raise RefusedError(f"{name}: must be a list of 1 to {most}")
    return found


@dataclass(frozen=True, slots=True)
class Method:
    """owned: the body must name an owner. changes: what it does is worth keeping as received."""

    answer: Callable[[Methods, Body, str], Body]
    owned: bool = True
    changes: bool = True


_add_event = Method(Methods.add_event)
_add_events = Method(Methods.add_events)
_update_event = Method(Methods.update_event)

METHODS: Mapping[str, Method] = {
    "/api/contact/upsert": Method(Methods.upsert),
    "/api/contact/insert": Method(Methods.insert),
    "/api/contact/update": Method(Methods.update),
    "/api/contact/batchupsert": Method(Methods.batch_upsert),
    "/api/contact/batchupsertv2": Method(Methods.batch_upsert_later),
    "/api/job/status": Method(Methods.job_status, owned=False, changes=False),
    "/api/contact/hasContact": Method(Methods.has_contact, changes=False),
    "/api/contact/delete": Method(Methods.delete),
    "/api/contact/list": Method(Methods.show, changes=False),
    "/api/contact/listById": Method(Methods.show, changes=False),
    "/api/contact/managetags": Method(Methods.manage_tags),
    "/api/contact/optin": Method(Methods.opt_in, owned=False),
    "/api/contact/optout": Method(Methods.opt_out, owned=False),
    "/api/contact/phoneoptin": Method(Methods.phone_opt_in, owned=False),
    "/api/contact/phoneoptout": Method(Methods.phone_opt_out, owned=False),
    "/api/user/listByClient": Method(Methods.users, owned=False, changes=False),
    "/api/contact/addContactExtEvent": _add_event,
    "/api/v2/contact/addContactExtEvent": _add_event,
    "/api/contact/updateContactExtEvent": _update_event,
    "/api/v2/contact/updateContactExtEvent": _update_event,
    "/api/contact/deleteContactExtEvent": Method(Methods.delete_event),
    "/api/contact/batchAddContactExtEvent": _add_events,
    "/api/v2/contact/addBatchContactExtEvent": _add_events,
}
