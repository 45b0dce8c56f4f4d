"""Sendios as contracts.md §2 describes it: envelopes, users whom only a mail creates, mails counted.

What one would click in the panel is `PUT /panel`, with any of `webhook_url` (created and sent go there) and
`creation_delay` (seconds until a user whom a mail created can be found); `GET /panel` shows the counts.
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import count
from math import inf
from typing import Any, ClassVar
from urllib.parse import unquote

from connectors.sandbox import webhooks
from connectors.sandbox.base import Call, Reply
from connectors.sandbox.sendios_rules import (
    CATEGORIES,
    MISBEHAVIOUR,
    NO_MAIL_SERVER,
    PROJECT_ID,
    SOURCES,
    STANDARD_FIELDS,
    TYPES,
    WRONG_PATH,
    Refusal,
    check_fields,
    corrected,
    decoded,
    envelope,
    invalid,
    parsed,
    the_project,
    valid_email,
)

CLIENT_ID, SDK_KEY = 123, "a1s2d3f4g5h6j7k8l"
AUTHORIZATION = "Basic " + b64encode(f"{CLIENT_ID}:{sha1(SDK_KEY.encode()).hexdigest()}".encode()).decode()  # noqa: S324 (the provider's choice)
CREDENTIALS: dict[str, Any] = {"client_id": CLIENT_ID, "project_id": PROJECT_ID, "sdk_key": SDK_KEY}
DEMO_USER = "demo@example.com"  # who is there from the start
SAMPLES: dict[str, dict[str, Any]] = {
    "send_system": {
        "type_id": 7,
        "data": {"user": {"email": "ada@example.com", "name": "Ada", "language_id": "en"}, "order_no": "A-1"},
    },
    "send_trigger": {"type_id": 8, "data": {"user": {"email": "ada@example.com"}, "basket": 3}},
    "set_user_fields": {"email": DEMO_USER, "name": "Demo", "vip": 1, "custom_fields": {"tier": "gold"}},
    "link_client_user": {"email": DEMO_USER, "client_user_id": "c-12345"},
    "check_email": {"email": DEMO_USER, "sanitize": True},
    "unsubscribe": {"email": DEMO_USER},
    "resubscribe": {"email": DEMO_USER},
    "erase_user": {"email": DEMO_USER},
}


@dataclass
class User:
    """Unique per project and address, whatever its case. since: when a mail created it (monotonic seconds)."""

    id: int
    project_id: int
    email: str
    since: float
    fields: dict[str, Any] = field(default_factory=dict)
    custom_fields: dict[str, Any] = field(default_factory=dict)
    unsubscribed: int | None = None
    sent_mails: int = 0

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "email": self.email,
            "project_id": self.project_id,
            "vip": 0,
            **self.fields,
            "unsubscribe": self.unsubscribed is not None,
            "sent_mails": self.sent_mails,
            "custom_fields": self.custom_fields,
        }


class Sendios:
    name: ClassVar[str] = "sendios"
    masked: ClassVar[frozenset[str]] = frozenset({"ak"})
    modes: ClassVar[frozenset[str]] = frozenset(
        {"null_data", "rejected_in_200", "absent_in_200", "credentials_in_200", "bad_gateway", "wrong_path"}
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._ids = count(899_001)
        demo = User(next(self._ids), PROJECT_ID, DEMO_USER, since=-inf)
        self.users: dict[tuple[int, str], User] = {(PROJECT_ID, DEMO_USER): demo}
        self.mails: list[dict[str, Any]] = []
        self.erasures: dict[int, bool] = {}  # user → whether forced
        self.webhook_url: str | None = None
        self.creation_delay = 0.0

    def handle(self, call: Call, mode: str) -> Reply:
        if call.path == "/panel":
            return self._panel(call)
        if mode in MISBEHAVIOUR:
            return MISBEHAVIOUR[mode]
        try:
            if call.headers.get("authorization") != AUTHORIZATION:
                raise Refusal(401, "Authorization base64 data wrong or invalid")
            data = self._answer(call)
        except Refusal as refusal:
            return envelope(refusal.status, refusal.data, "ERROR")
        except LookupError:
            return WRONG_PATH
        return envelope(200, None if mode == "null_data" else data, accepted=call.method != "GET")

    def _answer(self, call: Call) -> Any:
        for method, pattern, answer in ROUTES:
            found = re.fullmatch("/v1/" + pattern, call.path)
            if found and method == call.method:
                return answer(self, call, **{name: unquote(value) for name, value in found.groupdict().items()})
        raise LookupError(call.path)

    def _panel(self, call: Call) -> Reply:
        if call.method == "PUT":
            wish = call.json()
            self.webhook_url = wish.get("webhook_url", self.webhook_url)
            self.creation_delay = float(wish.get("creation_delay", self.creation_delay))
        shown = {"webhook_url": self.webhook_url, "creation_delay": self.creation_delay}
        return Reply(200, {**shown, "users": len(self.users), "mails": len(self.mails)})

    # ---- mail --------------------------------------------------------------------------------------------------------

    def push(self, call: Call, kind: str) -> Any:
        body = parsed(call)
        project, told = the_project(body), body.get("data")
        if not isinstance(told, dict):
            raise Refusal(400, "Validation: data is required")
        user = told.get("user")
        if "email" in body:  # shape B; without it the shape that is documented
            email, meta = body["email"], told.get("meta")
        else:
            email, meta = user.get("email") if isinstance(user, dict) else None, body.get("meta")
            if body.get("category") != CATEGORIES[kind]:
                raise Refusal(400, f"Validation: category must be {CATEGORIES[kind]}")
            if body.get("client_id") != CLIENT_ID:
                raise Refusal(403, "Forbidden")
        if not isinstance(user, dict):
            raise Refusal(400, "Validation: data.user is required")
        if body.get("type_id") not in TYPES or isinstance(body["type_id"], bool):
            raise Refusal(400, "Validation: type_id is required and must exist in the panel")
        if not valid_email(email):
            raise Refusal(400, "Validation: data.user.email is required and must be an address")
        check_fields({name: user[name] for name in ("gender", "vip") if name in user})
        self._mail(project, corrected(email), user, {"kind": kind, "type_id": body["type_id"], "meta": meta or {}})
        return {"queued": True, "r_time": 1}

    def _mail(self, project: int, email: str, told: Mapping[str, Any], mail: dict[str, Any]) -> None:
        key = (project, email.lower())
        new = key not in self.users
        if new:
            self.users[key] = User(next(self._ids), project, email, time.monotonic())
        user = self.users[key]
        user.fields.update({name: value for name, value in told.items() if name != "email"})
        user.sent_mails += 1
        self.mails.append({"user_id": user.id, "email": email, "id": len(self.mails) + 1, **mail})
        if self.webhook_url:
            emit(self.webhook_url, user, self.mails[-1], new)

    # ---- users -------------------------------------------------------------------------------------------------------

    def _find(self, project: int, email: str) -> User:
        user = self.users.get((project, email.lower()))
        if user is None or time.monotonic() - user.since < self.creation_delay:
            raise Refusal(404, "User not found")
        return user

    def _by_id(self, user_id: str) -> User:
        user = next((user for user in self.users.values() if str(user.id) == user_id), None)
        return self._find(user.project_id, user.email) if user else self._find(0, "")

    def get_user(self, _: Call, project: str, email: str) -> Any:
        return {"user": self._find(int(project), email).shown()}

    def put_fields(self, call: Call, user: User) -> Any:
        told = parsed(call)
        check_fields(told)
        custom = {name: value for name, value in told.items() if name not in STANDARD_FIELDS}
        changed = {
            name: "the type of a custom field must not change"
            for name, value in custom.items()
            if name in user.custom_fields and type(user.custom_fields[name]) is not type(value)
        }
        if changed:
            raise invalid(changed)
        user.custom_fields.update(custom)
        user.fields.update({name: value for name, value in told.items() if name not in custom})
        return {"result": True}

    def put_fields_by_email(self, call: Call, project: str, encoded: str) -> Any:
        return self.put_fields(call, self._find(int(project), decoded(encoded)))

    def put_fields_by_id(self, call: Call, user_id: str) -> Any:
        return self.put_fields(call, self._by_id(user_id))

    def link(self, call: Call) -> Any:
        body = parsed(call)
        client_user_id = body.get("client_user_id")
        if client_user_id is None or not valid_email(body.get("email")):
            raise Refusal(400, "Validation: email and client_user_id are required")
        self._find(the_project(body), body["email"]).fields["client_user_id"] = client_user_id
        return {"message": "done", "date": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()), "status": True}

    def check(self, call: Call) -> Any:
        body = parsed(call)
        orig = body.get("email")
        if not isinstance(orig, str):
            raise Refusal(400, "Validation: email is required")
        email = corrected(orig) if body.get("sanitize") else orig
        domain = email.rpartition("@")[2].lower()
        reason = None if valid_email(email) else "invalid"
        reason = "mx_record" if domain == NO_MAIL_SERVER else reason
        told = {"orig": orig, "valid": reason is None, "email": email, "vendor": "Unknown", "domain": domain}
        return {**told, "trusted": reason is None, **({"reason": reason} if reason else {})}

    def unsubscribe(self, _: Call, user_id: str, source: str) -> Any:
        if int(source) not in SOURCES:
            raise Refusal(400, "Validation: source is unknown")
        return self._unsubscribe(self._by_id(user_id), int(source))

    def unsubscribe_by_email(self, _: Call, project: str, encoded: str) -> Any:
        return self._unsubscribe(self._find(int(project), decoded(encoded)), 16)

    def _unsubscribe(self, user: User, source: int) -> Any:
        new = user.unsubscribed is None
        user.unsubscribed = source if new else user.unsubscribed
        return {"unsub": new}

    def resubscribe(self, _: Call, user_id: str) -> Any:
        user = self._by_id(user_id)
        rows = int(user.unsubscribed is not None)
        user.unsubscribed = None
        return {"subscribe": {"rowCount": rows}}

    def erase(self, call: Call) -> Any:
        body = parsed(call)
        if not valid_email(body.get("email")) or not isinstance(body.get("force_delete"), bool):
            raise Refusal(400, "Validation: email and force_delete are required")
        user = self._find(the_project(body), body["email"])
        self.erasures[user.id] = body["force_delete"]
        if body["force_delete"]:
            del self.users[user.project_id, user.email.lower()]
        return {"result": True}


# (method, path below /v1/, what answers it)
ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("POST", r"(?P<kind>push/system|push/trigger)", Sendios.push),
    ("PUT", r"userfields/project/(?P<project>\d+)/emailhash/(?P<encoded>[^/]+)", Sendios.put_fields_by_email),
    ("PUT", r"userfields/user/(?P<user_id>\d+)", Sendios.put_fields_by_id),
    ("GET", r"user/project/(?P<project>\d+)/email/(?P<email>[^/]+)", Sendios.get_user),
    ("POST", r"clientuser/create", Sendios.link),
    ("POST", r"email/check", Sendios.check),
    ("POST", r"unsub/admin/(?P<project>\d+)/email/(?P<encoded>[^/]+)", Sendios.unsubscribe_by_email),
    ("POST", r"unsub/(?P<user_id>\d+)/source/(?P<source>\d+)", Sendios.unsubscribe),
    ("DELETE", r"unsub/(?P<user_id>\d+)", Sendios.resubscribe),
    ("POST", r"user/erase", Sendios.erase),
)


def emit(url: str, user: User, mail: Mapping[str, Any], created: bool) -> None:
    """Tell the client's webhook: an object with the events under their index, `created` before `sent`."""
    about = {
        "user_id": user.id,
        "project_id": user.project_id,
        "event_id": mail["id"],
        "ts": int(time.time()),
        "split_group": None,
        "client_user_id": user.fields.get("client_user_id"),
        "project": "Sandbox",
        "email": user.email,
        "user": {"id": user.id, "project_id": user.project_id, "email": user.email, "name": user.fields.get("name")},
        "meta": mail["meta"],
    }
    sent = {"mail_id": mail["id"], "type_id": mail["type_id"], "category_id": CATEGORIES[mail["kind"]]}
    events = [{"event": "created", "reg_type": "sys_letter", **about}] if created else []
    events.append({"event": "sent", **about, **sent})
    body = json.dumps({str(index): event for index, event in enumerate(events)})
    webhooks.post(url, body.encode(), {"Content-Type": "application/json"})
