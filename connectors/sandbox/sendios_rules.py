"""What Sendios refuses and in which words: contracts.md §2.2, §2.3 and §2.6, for its stand-in."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from typing import Any

from connectors.sandbox.base import Call, Reply

PROJECT_ID = 55
TYPES = range(1, 100)  # transactional mails that exist in the panel
CATEGORIES = {"push/system": 1, "push/trigger": 2}
SOURCES = frozenset({2, 4, 8, 9})
CORRECTIONS = {"gmial.com": "gmail.com", "hotmial.com": "hotmail.com"}
NO_MAIL_SERVER = "nomx.example"
WRONG_PATH = Reply(404, "<html><body><h1>404 Not Found</h1></body></html>", {"Content-Type": "text/html"})
HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
STANDARD_FIELDS = frozenset(
    {"name", "language", "country", "city", "platform_id", "gender", "vip", "list_id", "age", "photo", "ak", "status"}
    | {"partner_id"}
)
VALID: Mapping[str, Callable[[Any], bool]] = {
    "gender": lambda value: value in ("m", "f"),
    "vip": lambda value: value in (0, 1) and not isinstance(value, bool),
    "language": lambda value: isinstance(value, str) and re.fullmatch("[A-Za-z]{2}", value) is not None,
}


class Refusal(Exception):
    """An answer other than success: its status and the envelope's data."""

    def __init__(self, status: int, data: Any) -> None:
        super().__init__(status)
        self.status, self.data = status, data if isinstance(data, dict) else {"error": data}


def envelope(status: int, data: Any, meta: str = "SUCCESS", accepted: bool = False) -> Reply:
    return Reply(status, {"_meta": {"status": meta, "time": 1, "count": 1}, "data": data}, accepted=accepted)


def invalid(errors: Mapping[str, str]) -> Refusal:
    return Refusal(400, {"errorCode": 409, "message": "Validation error", "errors": dict(errors)})


def parsed(call: Call) -> dict[str, Any]:
    """The body, whatever content type it says it has (contracts.md §2.1)."""
    try:
        body = call.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "Validation: the body must be a JSON object")
    return body


def the_project(body: Mapping[str, Any]) -> int:
    if body.get("project_id") is None:
        raise Refusal(400, "Validation: project_id is required")
    if body["project_id"] != PROJECT_ID:
        raise Refusal(403, "Forbidden")
    return PROJECT_ID


def decoded(encoded: str) -> str:
    """The address of a path; whoever writes another alphabet or no padding means nobody."""
    try:
        raw = b64decode(encoded, validate=True)
        if b64encode(raw).decode() == encoded:
            return raw.decode()
    except (Base64Error, UnicodeDecodeError, ValueError):
        pass
    raise Refusal(404, "User not found")


def valid_email(email: Any) -> bool:
    return isinstance(email, str) and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email) is not None


def corrected(email: str) -> str:
    name, at, domain = email.rpartition("@")
    return name + at + CORRECTIONS.get(domain.lower(), domain)


def check_fields(told: Mapping[str, Any]) -> None:
    errors = {name: "is not valid" for name, valid in VALID.items() if name in told and not valid(told[name])}
    if errors:
        raise invalid(errors)


MISBEHAVIOUR: Mapping[str, Reply] = {
    "reject": envelope(
        400, {"errorCode": 409, "message": "Validation error", "errors": {"gender": "must be m or f"}}, "ERROR"
    ),
    "refuse_credentials": envelope(401, {"error": "Authorization base64 data wrong or invalid"}, "ERROR"),
    "rejected_in_200": envelope(200, {"error": "Validation: type_id is required"}, "ERROR"),
    "absent_in_200": envelope(200, {"error": "User not found for project 55 and e-mail ada@example.com"}, "ERROR"),
    "credentials_in_200": envelope(200, {"error": "Authorization base64 data wrong or invalid"}, "ERROR"),
    "bad_gateway": Reply(502, HTML_502, {"Content-Type": "text/html"}),
    "wrong_path": WRONG_PATH,
}
