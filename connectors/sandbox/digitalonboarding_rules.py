"""What Digital Onboarding understands and refuses: contracts.md §3.2, §3.3 and §3.6, for its stand-in."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.sandbox.base import Call

NAMES = ("unique_id", "name_title", "name_first", "name_last", "name_suffix")
PLACES = ("address", "address2", "city", "state", "county", "country", "post_code", "timezone")
REACH = ("email", "phone_home", "phone_mobile", "phone_work")
STRINGS = frozenset(NAMES + PLACES + REACH)
BOOLEANS = frozenset({"unsubscribe_email", "unsubscribe_sms"})
TEMPLATES = [
    {"id": "3b0d7c58-2f5e-4d0c-9f60-6f2b1f6d4a01", "name": "Welcome"},
    {"id": "3b0d7c58-2f5e-4d0c-9f60-6f2b1f6d4a02", "name": "Mortgage"},
]
TEMPLATE_IDS = {each["id"]: each["name"] for each in TEMPLATES}
STANDARD_OBJECTIVES = (
    "debit-card-activation",
    "direct-deposit",
    "online-bill-pay",
    "online-banking",
    "mobile-banking",
    "estatements",
    "open-cross-sell-account",
    "corporate-card-activation",
    "merchant-access",
    "ach-payroll",
    "remote-deposit",
    "automate-payments",
)
OBJECTIVES: list[dict[str, Any]] = [
    {"key": key, "name": key.replace("-", " ").capitalize(), "id": f"objective-{number}", "team_id": team}
    for number, (key, team) in enumerate([*((key, None) for key in STANDARD_OBJECTIVES), ("loyalty-card", "team-1")])
]
DONE = frozenset({"true", "t", "1", "y", "yes", "complete", "completed", "done"})


class Refusal(Exception):
    """An answer other than success: its status and JSON body."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status, self.body = status, dict(body)


def json_object(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, {"error": "the body must be a JSON object"})
    return body


def contact_of(given: Any) -> dict[str, Any]:
    """The contact's own fields; read-only and unknown members are ignored, wrong types refused."""
    if not isinstance(given, dict):
        raise Refusal(422, {"errors": {"contact": ["must be an object"]}})
    errors = {name: ["must be a string"] for name in STRINGS & given.keys() if not isinstance(given[name], str)}
    errors |= {name: ["must be a boolean"] for name in BOOLEANS & given.keys() if not isinstance(given[name], bool)}
    if not isinstance(given.get("meta_public", {}), dict):
        errors["meta_public"] = ["must be an object"]
    if "@" not in str(given.get("email", "@")):
        errors["email"] = ["is invalid"]
    errors |= {key: ["is not a completion"] for key, value in _objectives(given).items() if not _completes(value)}
    if errors:
        raise Refusal(422, {"errors": errors})
    return {name: given[name] for name in (STRINGS | BOOLEANS | {"meta_public"}) & given.keys()}


def completions(given: Mapping[str, Any], now: str) -> dict[str, str]:
    """Objective → when it was completed: the time that was sent, or else the time of receipt."""
    return {key: now if value.lower() in DONE else value for key, value in _objectives(given).items()}


def _objectives(given: Mapping[str, Any]) -> dict[str, Any]:
    return {each["key"]: given[each["key"]] for each in OBJECTIVES if each["key"] in given}


def _completes(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if value.lower() in DONE:
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def signature(at: int, body: bytes, secrets: Sequence[str]) -> str:
    """`t=…,s0=…,s1=…`: the time in Unix seconds and, for each secret, an HMAC-SHA256 in upper-case hex."""
    digests = [hmac.new(secret.encode(), b"%d." % at + body, "sha256").hexdigest().upper() for secret in secrets]
    return ",".join([f"t={at}", *(f"s{number}={digest}" for number, digest in enumerate(digests))])
