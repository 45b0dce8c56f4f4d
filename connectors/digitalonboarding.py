"""Digital Onboarding: contacts, alone or in batches, and their journeys (contracts.md §3).

Everything but the token endpoint needs a bearer token, which all processes of an account share.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from marshmallow import Schema

from connectors import digitalonboarding_fields as fields
from connectors.base import Answer, Command, Operation, Outcome, Token, Tokens, Wire
from connectors.digitalonboarding_answers import CONTACTS, JOURNEYS, TOKENS, batch, read, single
from connectors.errors import WireError
from connectors.feedback import Parser
from connectors.feedback import digitalonboarding as read_feedback
from connectors.outcomes import halving, invalid, of_failure, refused, rejected

UNTOLD_LIFETIME = 300.0  # seconds that a token without `expires_in` is used for
NO_KEY = "needed where there is no email: without either, every attempt makes another contact"
NO_TEMPLATE = "needed: what is the journey to be made from"
NOT_ALLOWED = "anyone could read it: not among the option meta_public_allowed"


class NoToken(Exception):
    """There is no token to send anything with; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class DigitalOnboarding:
    options: ClassVar[type[Schema]] = fields.Options
    feedback: ClassVar[Parser] = staticmethod(read_feedback)
    masked: ClassVar[frozenset[str]] = frozenset({"client_secret", "access_token"})
    operations: ClassVar[Mapping[str, Operation]] = {
        "upsert_contact": Operation(
            fields.Contact,
            frozenset({"profile", "event"}),
            batch=100,
            batch_cap=1000,
            description="create or update a contact, its objectives and the journey of a template",
        ),
        "create_journey": Operation(
            fields.NewJourney,
            frozenset({"profile", "event"}),
            repeat_safe=False,
            description="another journey each time; journey.template_id of upsert_contact is safer",
        ),
    }
    _schemas: ClassVar[Mapping[str, Schema]] = {name: each.fields(partial=True) for name, each in operations.items()}

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None:
        self._options = options
        self._root = options["base_url"]
        self._public = frozenset(options["meta_public_allowed"])
        self._wire = wire
        self._tokens = tokens

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        faults = [self._fault(operation, command.payload) for command in commands]
        good = [command for command, fault in zip(commands, faults, strict=True) if fault is None]
        sent = iter(map(self._create_journey, good) if operation == "create_journey" else halving(good, self._upsert))
        return [fault or next(sent) for fault in faults]

    def catalogues(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The account's {"templates": [{id, name}], "objectives": [{key, name, id, team_id}]}.

        Raises WireError with the reason when they cannot be had.
        """
        return {name: self._catalogue(name) for name in ("templates", "objectives")}

    def _catalogue(self, name: str) -> Sequence[Mapping[str, Any]]:
        answer = self._call("GET", f"/v1/{name}")
        body, outcome = (None, answer) if isinstance(answer, Outcome) else read(answer, CONTACTS)
        if not outcome.delivered:
            raise WireError(f"{name}: {outcome.reason}")
        listed = body.get(name) if isinstance(body, dict) else body  # other clients were given the list by itself
        if not isinstance(listed, list):
            raise WireError(f"{name}: the answer has no list of them")
        return listed

    # ---- contacts and journeys ---------------------------------------------------------------------------------------

    def _upsert(self, commands: Sequence[Command]) -> Sequence[Outcome] | Outcome:
        contacts = [self._contact(command.payload) for command in commands]
        alone = len(contacts) == 1
        answer = self._call("POST", "/v1/contacts", contacts[0] if alone else {"contacts": contacts})
        if isinstance(answer, Outcome):
            return answer
        body, outcome = read(answer, CONTACTS)
        if not outcome.delivered:
            return outcome
        return [single(body, answer.status)] if alone else batch(commands, body, answer.status)

    def _create_journey(self, command: Command) -> Outcome:
        payload = command.payload
        body = {name: value for name, value in payload.items() if name in ("owner_id", "name")}
        body["contact"] = self._contact(payload["contact"])
        answer = self._call(
            "POST", f"/v1/templates/{quote(payload['template_id'], safe='')}/journeys", body, keyed=False
        )
        if isinstance(answer, Outcome):
            return answer
        journey, outcome = read(answer, JOURNEYS)
        return replace(single(journey, 201), status=answer.status) if outcome.delivered else outcome

    def _fault(self, operation: str, payload: Mapping[str, Any]) -> Outcome | None:
        """Why the record must not be sent at all."""
        if fault := self._schemas[operation].validate(payload):
            return invalid(fault)
        journey = operation == "create_journey"
        contact, path = (payload.get("contact", {}), "contact.") if journey else (payload, "")
        errors = {
            f"{path}meta_public.{name}": NOT_ALLOWED
            for name in contact.get("meta_public", {})
            if name not in self._public
        }
        if not contact.get("unique_id") and not contact.get("email"):
            errors[f"{path}unique_id"] = NO_KEY
        if journey and not payload.get("template_id"):
            errors["template_id"] = NO_TEMPLATE
        if not errors:
            return None
        return rejected("not sent: " + "; ".join(f"{name} {why}" for name, why in errors.items()), errors=errors)

    def _contact(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The contact on the wire: objectives are members of it, and the template is nested or dotted."""
        own = {name: value for name, value in payload.items() if name not in ("objectives", "journey")}
        template = payload.get("journey", {}).get("template_id")
        if template:
            nested = self._options["journey_template"] == "nested"
            own |= {"journey": {"template_id": template}} if nested else {"journey.template_id": template}
        return {**fields.completions(payload.get("objectives", {})), **own}

    # ---- tokens ------------------------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, body: Any = None, keyed: bool = True) -> Answer | Outcome:
        """The answer, after one fresh token if the first was refused; or what it means that there is none."""
        try:
            token = self._tokens.get(self._fetch)
            answer = self._bearer(token, method, path, body)
            if answer.status == 401:
                answer = self._bearer(self._tokens.get(self._fetch, stale=token), method, path, body)
            return answer
        except NoToken as none:
            return none.outcome
        except WireError as error:
            return of_failure(error, keyed)

    def _bearer(self, token: str, method: str, path: str, body: Any) -> Answer:
        return self._wire.call(method, self._root + path, headers={"Authorization": f"Bearer {token}"}, json=body)

    def _fetch(self) -> Token:
        """A new token. Raises NoToken; a request for one harms nothing when it is repeated."""
        asked_at = datetime.now(UTC)
        try:
            answer = self._ask_for_token()
        except WireError as error:
            raise NoToken(of_failure(error, repeat_safe=True)) from None
        body, outcome = read(answer, TOKENS)
        if not outcome.delivered:
            raise NoToken(outcome)
        if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            raise NoToken(refused("the token endpoint answered without an access_token: check base_url", answer.status))
        told = body.get("expires_in")
        lifetime = told if isinstance(told, int | float) else UNTOLD_LIFETIME
        return Token(body["access_token"], asked_at + timedelta(seconds=lifetime))

    def _ask_for_token(self) -> Answer:
        """Credentials in the header, never in the query, where they would be revoked (contracts.md §3.1)."""
        pair = f"{self._options['client_id']}:{self._options['client_secret']}"
        headers = {"Authorization": "Basic " + b64encode(pair.encode()).decode("ascii")}
        url = self._root + "/oauth2/token"
        if self._options["oauth_encoding"] == "json":
            return self._wire.call("POST", url, headers=headers, json={"grant_type": "client_credentials"})
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self._wire.call("POST", url, headers=headers, data=b"grant_type=client_credentials")
