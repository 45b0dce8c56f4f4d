"""Digital Onboarding as contracts.md §3 describes it: tokens that expire, contacts kept by unique_id, journeys.

What one would set in the admin interface is `PUT /panel`, with any of `webhook_url` (contact.updated goes there,
signed), `expires_in` (seconds that a token lives) and `journey_template` ("nested" or "dotted": the form that is
understood; the other is ignored); `GET /panel` shows the counts.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote
from uuid import uuid4

from connectors.sandbox import webhooks
from connectors.sandbox.base import Call, Reply
from connectors.sandbox.digitalonboarding_rules import (
    OBJECTIVES,
    TEMPLATE_IDS,
    TEMPLATES,
    Refusal,
    completions,
    contact_of,
    json_object,
    signature,
)

CLIENT_ID, CLIENT_SECRET = "do-demo", "do-demo-secret"
WEBHOOK_SECRETS = ("do-webhook-current", "do-webhook-previous")
CREDENTIALS: dict[str, Any] = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "webhook_secrets": list(WEBHOOK_SECRETS),
    "meta_public_allowed": ["branch"],
}
SAMPLES: dict[str, dict[str, Any]] = {
    "upsert_contact": {
        "unique_id": "c-12345",
        "email": "ada@example.com",
        "name_first": "Ada",
        "timezone": "America/New_York",
        "unsubscribe_sms": True,
        "meta_public": {"branch": "12"},
        "objectives": {"direct-deposit": "2026-01-01T00:00:00+0000"},
    },
    "create_journey": {"template_id": TEMPLATES[0]["id"], "contact": {"unique_id": "c-12345", "name_first": "Ada"}},
}

AUTHORIZATION = "Basic " + b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
INVALID_TOKEN = Reply(401, {"error": "invalid_token"})
JOURNEY_URL = "https://journeys.example/"


class DigitalOnboarding:
    name: ClassVar[str] = "digitalonboarding"
    masked: ClassVar[frozenset[str]] = frozenset({"client_secret", "access_token"})
    modes: ClassVar[frozenset[str]] = frozenset({"expire_tokens", "reject_tokens", "bare_lists"})

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.contacts: dict[str, dict[str, Any]] = {}
        self.completed: dict[tuple[str, str], str] = {}
        self.journeys: list[dict[str, Any]] = []
        self.tokens: dict[str, float] = {}
        self.token_requests = 0
        self.revoked = False
        self.expires_in = 3600.0
        self.journey_template = "nested"
        self.webhook_url: str | None = None

    def handle(self, call: Call, mode: str) -> Reply:
        if call.path == "/panel":
            return self._panel(call)
        try:
            self._look_for_secrets(call)
            if call.path == "/oauth2/token" and call.method == "POST":
                return self._token(call, refuse=mode == "refuse_credentials")
            if mode == "expire_tokens":
                self.tokens.clear()
            if mode in ("reject_tokens", "refuse_credentials") or not self._bearer(call):
                return INVALID_TOKEN
            if mode == "reject":
                raise Refusal(422, {"errors": {"email": ["is invalid"]}})
            return self._answer(call, bare=mode == "bare_lists")
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body)

    def _panel(self, call: Call) -> Reply:
        if call.method == "PUT":
            wish = call.json()
            self.webhook_url = wish.get("webhook_url", self.webhook_url)
            self.expires_in = float(wish.get("expires_in", self.expires_in))
            self.journey_template = wish.get("journey_template", self.journey_template)
        set_to = {name: getattr(self, name) for name in ("webhook_url", "expires_in", "journey_template", "revoked")}
        counts = {"contacts": len(self.contacts), "journeys": len(self.journeys), "token_requests": self.token_requests}
        return Reply(200, {**set_to, **counts})

    # ---- tokens (contracts.md §3.1) ----------------------------------------------------------------------------------

    def _look_for_secrets(self, call: Call) -> None:
        """Credentials in a URL are compromised: they and their tokens are worth nothing from then on."""
        if {"client_secret", "access_token"} & parse_qs(call.query, keep_blank_values=True).keys():
            self.revoked = True
            self.tokens.clear()

    def _token(self, call: Call, refuse: bool) -> Reply:
        self.token_requests += 1
        form = _form_or_json(call)
        if form.get("grant_type") != "client_credentials":
            return Reply(400, {"error": "unsupported_grant_type"})
        in_body = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if refuse or self.revoked or not (in_body or call.headers.get("authorization") == AUTHORIZATION):
            return Reply(401, {"error": "invalid_client"})
        token = secrets.token_urlsafe(24)
        self.tokens[token] = time.monotonic() + self.expires_in
        return Reply(200, {"access_token": token, "expires_in": self.expires_in, "token_type": "bearer"})

    def _bearer(self, call: Call) -> bool:
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self.tokens.get(token, 0.0) > time.monotonic()

    # ---- contacts and journeys (contracts.md §3.2) -------------------------------------------------------------------

    def _answer(self, call: Call, bare: bool) -> Reply:
        found = re.fullmatch(r"/v1/templates/([^/]+)/journeys", call.path)
        if found and call.method == "POST":
            return self._journey(unquote(found[1]), json_object(call))
        match call.method, call.path:
            case "POST", "/v1/contacts":
                return self._upsert(json_object(call))
            case "GET", "/v1/templates":
                return Reply(200, TEMPLATES if bare else {"templates": TEMPLATES})
            case "GET", "/v1/objectives":
                return Reply(200, OBJECTIVES if bare else {"objectives": OBJECTIVES})
        raise Refusal(404, {"error": "not_found"})

    def _upsert(self, body: dict[str, Any]) -> Reply:
        """One contact or a batch, told apart by shape. One bad contact refuses a batch whole."""
        if "contacts" not in body:
            contact, _ = self._put(self._read(body), body)
            return Reply(200, contact, accepted=True)
        if not isinstance(body["contacts"], list):
            raise Refusal(422, {"errors": {"contacts": ["must be a list"]}})
        read = [(self._read(each), each) for each in body["contacts"]]
        put = [self._put(contact, each) for contact, each in read]
        new = [contact for contact, is_new in put if is_new]
        existing = [contact for contact, is_new in put if not is_new]
        return Reply(200, {"new_contacts": new, "existing_contacts": existing}, accepted=True)

    def _read(self, body: Any) -> dict[str, Any]:
        contact = contact_of(body)
        template = self._template_of(body)
        if template is not None and template not in TEMPLATE_IDS:
            raise Refusal(422, {"errors": {"journey.template_id": ["is unknown"]}})
        return contact

    def _put(self, given: dict[str, Any], body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        unique_id = given.get("unique_id") or given.get("email") or str(uuid4())
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        known = self.contacts.get(unique_id)
        contact = known or {"id": str(uuid4()), "inserted_at": now}
        contact = {**contact, **given, "unique_id": unique_id, "updated_at": now}
        self.contacts[unique_id] = contact
        for key, at in completions(body, now).items():
            self.completed.setdefault((unique_id, key), at)
        template = self._template_of(body)
        if template is not None and not self._has_journey(template, contact):
            self._start(template, contact)
        if self.webhook_url and known:
            emit(self.webhook_url, contact["id"])
        return contact, known is None

    def _template_of(self, body: Mapping[str, Any]) -> Any:
        if self.journey_template == "dotted":
            return body.get("journey.template_id")
        nested = body.get("journey")
        return nested.get("template_id") if isinstance(nested, dict) else None

    def _journey(self, template: str, body: dict[str, Any]) -> Reply:
        if template not in TEMPLATE_IDS:
            raise Refusal(404, {"error": "not_found"})
        contact, _ = self._put(self._read(body.get("contact")), body["contact"])
        journey = self._start(template, contact, body.get("owner_id"), body.get("name"))
        shown = {"id": journey["id"], "slug": journey["slug"], "web_client_url": JOURNEY_URL + journey["slug"]}
        return Reply(201, shown, accepted=True)

    def _has_journey(self, template: str, contact: Mapping[str, Any]) -> bool:
        return any((each["template_id"], each["contact_id"]) == (template, contact["id"]) for each in self.journeys)

    def _start(self, template: str, contact: Mapping[str, Any], owner: Any = None, name: Any = None) -> dict[str, Any]:
        of = {
            "template_id": template,
            "contact_id": contact["id"],
            "owner_id": owner,
            "name": name or TEMPLATE_IDS[template],
        }
        self.journeys.append({"id": str(uuid4()), "slug": secrets.token_hex(6), **of})
        return self.journeys[-1]


def _form_or_json(call: Call) -> Mapping[str, Any]:
    try:
        body = call.json()
    except ValueError:
        return {name: values[-1] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
    return body if isinstance(body, dict) else {}


def emit(url: str, contact_id: str) -> None:
    """Tell the client's webhook, as the vendor was seen to: compact JSON called an octet stream, signed twice."""
    body = json.dumps({"contact_id": contact_id, "type": "contact.updated"}, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/octet-stream",
        "User-Agent": "hackney/1.17.4",
        "X-Signature": signature(int(time.time()), body, WEBHOOK_SECRETS),
    }
    webhooks.post(url, body, headers)
