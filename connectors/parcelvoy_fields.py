"""What a Parcelvoy integration configures, and what can be sent there (contracts.md §4.1, §4.2, §4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from connectors.options import BaseUrl, ConnectorOptions

# Longer names and ids get a 204 and are dropped later, an empty id is one user for all (contracts.md §4.8).
_NAME = validate.Length(1, 255)


class Options(ConnectorOptions):
    base_url = BaseUrl(required=True, metadata={"description": "the host's address, without /api/client"})
    api_key = fields.String(
        required=True,
        validate=validate.Regexp(r"(pk|sk)_\S+\Z", error="a key begins with sk_ (secret) or pk_ (public)"),
        metadata={"secret": True, "description": "sk_… for batches and deletions; with pk_… users go one by one"},
    )
    deduplicates = fields.Boolean(
        load_default=False,
        metadata={
            "description": "whether this server ignores a distinct_id it has seen, so that events may be repeated"
        },
    )


@cache
def _zones() -> frozenset[str]:
    return frozenset(map(str.lower, available_timezones()))


def check_timezone(value: str) -> None:
    """A wrong one is taken with an event and then breaks campaigns (contracts.md §4.3), so it is checked here."""
    if _zones() and value.lower() not in _zones():  # without a zone database nothing can be checked
        raise ValidationError("must be a name from the IANA time zone database")


class Identity(Schema):
    external_id = fields.String(
        validate=_NAME, allow_none=True, metadata={"description": "the user's id at the client"}
    )
    anonymous_id = fields.String(validate=_NAME, allow_none=True, metadata={"description": "from before it was known"})

    @validates_schema
    def somebody(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data.get("external_id") and not data.get("anonymous_id"):
            raise ValidationError("external_id or anonymous_id is needed", "external_id")


class Traits(Schema):
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True, metadata={"description": "E.164 (+46…)"})
    timezone = fields.String(allow_none=True, validate=check_timezone, metadata={"description": "IANA name"})
    locale = fields.String(allow_none=True)
    data = fields.Dict(allow_none=True, metadata={"description": "merged, one level deep, with what is there"})


class User(Identity, Traits):
    pass


class Alias(Schema):
    external_id = fields.String(required=True, validate=_NAME)
    anonymous_id = fields.String(required=True, validate=_NAME)


class Device(Identity):
    device_id = fields.String(required=True, validate=_NAME)
    token = fields.String(allow_none=True, metadata={"description": "for push notifications"})
    os = fields.String(required=True)
    os_version = fields.String()
    model = fields.String(required=True)
    app_build = fields.String(required=True)
    app_version = fields.String(required=True)


class Event(Identity):
    name = fields.String(required=True, validate=_NAME)
    distinct_id = fields.String(metadata={"description": "tells repeats; the delivery's id unless mapped"})
    data = fields.Dict(allow_none=True)
    user = fields.Nested(Traits, allow_none=True, metadata={"description": "for a user who is not there yet"})


class Deletion(Schema):
    external_id = fields.String(required=True, validate=_NAME)
