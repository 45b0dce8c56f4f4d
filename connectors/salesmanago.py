"""SALESmanago: contacts and their events by API v2, product catalogs by API v3 (contracts.md §1).

v2 answers a wrong password with 200, and `success: false`. A batch is refused whole for one bad record, except that
events fail one by one inside a success. Nothing de-duplicates events, so an unclear answer to one is never repeated.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha1
from typing import Any, ClassVar

from marshmallow import Schema

from connectors import salesmanago_fields as fields
from connectors.base import Command, Kind, Operation, Outcome, Tokens, Wire
from connectors.errors import WireError
from connectors.outcomes import delivered, halving, of_failure, refused, rejected, retryable
from connectors.salesmanago_answers import Reading, Seen, failure, read_v2, read_v3
from connectors.salesmanago_body import Body, UnfitError
from connectors.salesmanago_methods import METHODS, Method, calls

V2_HEADERS = {"Accept": "application/json, application/json", "Content-Type": "application/json;charset=UTF-8"}
NO_KEY = "the integration has no option api_v3_key, and products need it"
NO_CATALOG = "neither mapped nor the integration's option catalog_id"
NO_TIME = "not sent yet: the calls for those before it took all the time there was"
WAS_GONE = "SALESmanago had no such contact"
NO_JSON = "SALESmanago answered without JSON, as it sometimes does when it deletes"

# After one of these nothing more is sent.
UNWELL = frozenset({Kind.RETRYABLE, Kind.LIMITED, Kind.REFUSED, Kind.UNKNOWN})

_PEOPLE = frozenset({"profile", "event"})
_PRODUCTS = frozenset({"inventory"})

_contact = partial(Operation, entities=_PEOPLE)
_product = partial(Operation, entities=_PRODUCTS, batch=100, batch_cap=100)


class Salesmanago:
    options: ClassVar[type[Schema]] = fields.Options
    masked: ClassVar[frozenset[str]] = frozenset({"apiKey", "sha"})
    operations: ClassVar[Mapping[str, Operation]] = {
        "upsert_contact": _contact(fields.CONTACT, batch=400, batch_cap=1000, description="add or change a contact"),
        "set_consents": _contact(fields.CONSENTS, description="a contact's consents, by their names in the account"),
        "delete_contact": Operation(
            fields.DELETION, frozenset({"profile"}), removes=True, description="delete a contact"
        ),
        "manage_tags": _contact(fields.TAGS, description="add tags to a contact and take them away"),
        "opt_in": _contact(fields.ADDRESS, description="subscribe to e-mail marketing"),
        "opt_out": _contact(fields.ADDRESS, description="unsubscribe from e-mail marketing"),
        "phone_opt_in": _contact(fields.ADDRESS, description="subscribe to phone marketing"),
        "phone_opt_out": _contact(fields.ADDRESS, description="unsubscribe from phone marketing"),
        "add_event": Operation(
            fields.EVENT,
            frozenset({"event"}),
            batch=400,
            batch_cap=1000,
            repeat_safe=False,
            description="an external event of a contact",
        ),
        "upsert_product": _product(fields.PRODUCT, description="add or change a product of a catalog"),
        "update_quantity": _product(fields.QUANTITY, description="how many of a product there are"),
        "update_price": _product(fields.PRICE, description="what a product costs"),
        "upsert_catalog": Operation(
            fields.CATALOG, _PRODUCTS, repeat_safe=False, description="make a product catalog, or change one"
        ),
    }

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None:  # noqa: ARG002 (the port's)
        self._wire = wire
        self._v2, self._v3 = options["base_url"], options["base_url_v3"]
        self._v3_key = options.get("api_v3_key")
        self._catalog = options.get("catalog_id")
        self._owner = {"owner": options["owner"]}
        self._patience = options["timeout"] / 2
        key, client = options["api_key"], options["client_id"]
        self._identity = {"clientId": client, "apiKey": key, "sha": signature(key, client, options["api_secret"])}

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        """In as few calls as may be. Once the provider is not well, or time is up, the rest is left for later."""
        method = METHODS[operation]
        if method.v3 and not self._v3_key:
            return [refused(NO_KEY) for _ in commands]
        outcomes: dict[int, Outcome] = {}
        ready = []
        for index, command in enumerate(commands):
            try:
                ready.append((index, replace(command, payload=self._prepared(method, command))))
            except UnfitError as error:
                outcomes[index] = rejected(str(error), errors={error.field: error.wrong})
        speak = partial(self._attempt, operation, time.monotonic() + self._patience)
        unwell: Outcome | None = None
        for call in calls(ready, method, self.operations[operation].batch_cap):
            made = [left_out(unwell)] * len(call) if unwell else halving([command for _, command in call], speak)
            outcomes.update(zip((index for index, _ in call), made, strict=True))
            unwell = unwell or next((each for each in made if each.kind in UNWELL), None)
        return [outcomes[index] for index in range(len(commands))]

    def _prepared(self, method: Method, command: Command) -> Body:
        body = method.prepare(command)
        if method.in_catalog and not body.setdefault("catalogId", self._catalog):
            raise UnfitError("catalogId", NO_CATALOG)
        return body

    def _attempt(self, operation: str, until: float, commands: Sequence[Command]) -> Sequence[Outcome] | Outcome:
        """One call, unless it is too late to begin one. A single outcome is of the call as a whole."""
        if time.monotonic() > until:
            return retryable(NO_TIME, retry_in=0.0)
        method, rules = METHODS[operation], self.operations[operation]
        path, members = method.request([dict(command.payload) for command in commands])
        try:
            reading = self._ask_v3(path, members) if method.v3 else self._ask_v2(path, members, method.owned)
            if reading.seen is Seen.DONE:
                return method.settle(reading, commands)
            if rules.removes and (note := self._deleted(reading, members["email"])):
                return delivered(status=reading.answer.status, warnings=[note])
        except WireError as error:
            return of_failure(error, rules.repeat_safe)
        outcomes = [failure(reading, command, rules.repeat_safe) for command in commands]
        return outcomes if reading.seen is Seen.PAGE else outcomes[0]

    def _deleted(self, reading: Reading, email: str) -> str | None:
        """Whether what looks like a failed deletion is none, and why.

        There is no code for "no such contact", and a deletion that worked may be answered without JSON
        (contracts.md §1.3, §1.7): so the account is asked whether it has the contact.
        """
        if reading.seen not in {Seen.PAGE, Seen.REFUSED}:
            return None
        look = self._ask_v2("/api/contact/hasContact", {"email": email}, owned=True)
        has = look.body.get("result") if look.seen is Seen.DONE else None
        if has is False:
            return WAS_GONE
        return NO_JSON if reading.seen is Seen.PAGE and has is None else None

    def _ask_v2(self, path: str, members: Mapping[str, Any], owned: bool) -> Reading:
        """Credentials travel in the body (contracts.md §1.2)."""
        owner = self._owner if owned else {}
        body = {**owner, **members, **self._identity, "requestTime": time.time_ns() // 1_000_000}
        return read_v2(self._wire.call("POST", self._v2 + path, headers=V2_HEADERS, json=body))

    def _ask_v3(self, path: str, members: Mapping[str, Any]) -> Reading:
        return read_v3(self._wire.call("POST", self._v3 + path, headers={"API-KEY": str(self._v3_key)}, json=members))


def signature(api_key: str, client_id: str, api_secret: str) -> str:
    """The `sha` of every v2 body; the request's time is no part of it (contracts.md §1.2).

    >>> signature("your-api-key-123", "your-client-id-123", "your-api-secret-123")
    '34e3fdc3b06a31900998225a26bad512e6942897'
    """
    return sha1(f"{api_key}{client_id}{api_secret}".encode()).hexdigest()  # noqa: S324 (the provider's choice)


def left_out(unwell: Outcome) -> Outcome:
    """Of a record that was not sent because of what an earlier call met."""
    kind = Kind.RETRYABLE if unwell.kind is Kind.UNKNOWN else unwell.kind
    return replace(unwell, kind=kind, reason=f"not sent, because of those before it: {unwell.reason}")
