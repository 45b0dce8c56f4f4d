"""What a Digital Onboarding integration configures, and what can be sent there (contracts.md §3.1, §3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields, validate

from connectors.options import BaseUrl, ConnectorOptions

HOST = "https://api.digitalonboarding.com"

NOT_COMPLETED = frozenset({"false", "f", "0", "n", "no", ""})


class Words(fields.List[Any]):
    """A list, or its items in one text with spaces between them: a stored secret is a text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        return super()._deserialize(value.split() if isinstance(value, str) else value, attr, data, **kwargs)


class Options(ConnectorOptions):
    base_url = BaseUrl(
        load_default=HOST,
        metadata={"description": "the API's address without its version; credentials sent over plain HTTP are revoked"},
    )
    client_id = fields.String(required=True, metadata={"description": "from the admin interface"})
    client_secret = fields.String(required=True, metadata={"secret": True, "description": "from the admin interface"})
    oauth_encoding = fields.String(
        load_default="form",
        validate=validate.OneOf(("form", "json")),
        metadata={"description": "encoding of the token request: form, as OAuth2 has it, or json"},
    )
    journey_template = fields.String(
        load_default="nested",
        validate=validate.OneOf(("nested", "dotted")),
        metadata={"description": "journey.template_id on the wire: an object in an object, or one name with a dot"},
    )
    meta_public_allowed = fields.List(
        fields.String(),
        load_default=list,
        metadata={"description": "names that meta_public may have: anyone who looks at a journey's page can read them"},
    )
    webhook_secrets = Words(
        fields.String(),
        load_default=list,
        metadata={
            "secret": True,
            "description": "secrets of the signatures of webhooks, any of which will do; none: they are not looked at",
        },
    )
    webhook_signed = fields.String(
        load_default="dotted",
        validate=validate.OneOf(("dotted", "joined", "body")),
        metadata={
            "description": "what is signed: time.body, time and body joined, or the body (then its time proves nothing)"
        },
    )


class Journey(Schema):
    template_id = fields.String(metadata={"description": "creates or updates a journey from this template at once"})


class Contact(Schema):
    unique_id = fields.String(
        metadata={
            "description": "the contact's id at the client",
            "recommended": "without it the address is the key, and a new address makes a second contact",
        }
    )
    name_title = fields.String()
    name_first = fields.String()
    name_last = fields.String()
    name_suffix = fields.String()
    address = fields.String()
    address2 = fields.String()
    city = fields.String()
    state = fields.String()
    county = fields.String()
    country = fields.String()
    post_code = fields.String()
    timezone = fields.String(metadata={"description": "an IANA name, for example America/New_York"})
    email = fields.String()
    phone_home = fields.String()
    phone_mobile = fields.String()
    phone_work = fields.String()
    unsubscribe_email = fields.Boolean()
    unsubscribe_sms = fields.Boolean()
    meta_public = fields.Dict(
        keys=fields.String(), metadata={"description": "readable by anyone; only what meta_public_allowed names"}
    )
    journey = fields.Nested(Journey)
    objectives = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": "objective's key → when it was completed (ISO 8601, UTC unless it says otherwise), or true;"
            " false says nothing, for nothing can be taken back"
        },
    )


class NewJourney(Schema):
    template_id = fields.String(required=True, metadata={"description": "the template to make the journey from"})
    owner_id = fields.String(metadata={"description": "the user who owns the journey"})
    name = fields.String(metadata={"description": "the template's name by default"})
    contact = fields.Nested(Contact, required=True)


def completions(objectives: Mapping[str, Any]) -> dict[str, str]:
    """Objectives as they are sent: those that are not completed are not told (contracts.md §3.2).

    >>> completions({"a": "2026-01-01 12:00", "b": "false", "c": "true", "d": "2026-01-01T12:00:00+01:00"})
    {'a': '2026-01-01T12:00:00+0000', 'c': 'true', 'd': '2026-01-01T12:00:00+0100'}
    """
    told = ((key, str(value).strip()) for key, value in objectives.items() if value is not None)
    return {key: _moment(value) for key, value in told if value.lower() not in NOT_COMPLETED}


def _moment(value: str) -> str:
    """A moment in the vendor's form; a word as it is."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).strftime("%Y-%m-%dT%H:%M:%S%z")
