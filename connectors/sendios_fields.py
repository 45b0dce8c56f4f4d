"""What a Sendios integration configures, and what can be sent there (contracts.md §2.1, §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from connectors.options import BaseUrl, ConnectorOptions

HOST = "https://api.sendios.io"

# contracts.md §2.3.1: vendor code and most of its documentation; the FAQ has other numbers, hence the option.
PLATFORMS: Mapping[str, int] = {"unknown": 0, "desktop": 1, "mobile": 2, "android": 3, "ios": 4}

UNSUBSCRIBE_SOURCES = {2: "abuse complaint", 4: "link in a mail", 8: "client", 9: "settings"}


def _is_network(value: str) -> None:
    try:
        ip_network(value, strict=False)
    except ValueError:
        raise ValidationError(f"{value!r} is no address and no network such as 203.0.113.0/24") from None


class Options(ConnectorOptions):
    base_url = BaseUrl(
        load_default=HOST,
        metadata={"description": "the API's address, with or without /v1"},
    )
    client_id = fields.Integer(required=True, metadata={"description": "from the Customer Success Manager"})
    project_id = fields.Integer(required=True, metadata={"description": "the project that the users belong to"})
    api_key = fields.String(metadata={"secret": True, "description": "API key (already a SHA-1), used as it is"})
    sdk_key = fields.String(metadata={"secret": True, "description": "SDK key, of which the SHA-1 is used"})
    push_shape = fields.String(
        load_default="documented",
        validate=validate.OneOf(("documented", "php_sdk")),
        metadata={"description": "body of a mail: as documented (A), or as the vendor's PHP SDK sends it (B)"},
    )
    platform_ids = fields.Dict(
        keys=fields.String(validate=validate.OneOf(tuple(PLATFORMS))),
        values=fields.Integer(),
        load_default=dict,
        metadata={"description": "numbers that differ from " + ", ".join(f"{k} {v}" for k, v in PLATFORMS.items())},
    )
    user_wait = fields.Float(
        load_default=30.0,
        validate=validate.Range(0, 600),
        metadata={"description": "seconds to wait for a user who is being created by a mail"},
    )
    feedback_sources = fields.List(
        fields.String(validate=_is_network),
        load_default=list,
        metadata={"description": "addresses or networks that webhooks may come from; none: any"},
    )

    @validates_schema
    def one_key(self, data: Mapping[str, Any], **_: Any) -> None:
        if bool(data.get("api_key")) == bool(data.get("sdk_key")):
            raise ValidationError("give exactly one of api_key and sdk_key", "api_key")


def _platform() -> fields.Field[Any]:
    return fields.Raw(metadata={"description": "a number, or one of " + ", ".join(PLATFORMS)})


class PushUser(Schema):
    """Stored with the user, and updated by every mail to them."""

    email = fields.String(required=True)
    name = fields.String()
    gender = fields.String(metadata={"description": "m or f"})
    platform_id = _platform()
    country_id = fields.String(metadata={"description": "country code"})
    language_id = fields.String(metadata={"description": "language code"})
    list_id = fields.Integer(metadata={"description": "group of users"})
    client_user_id = fields.String(metadata={"description": "the user's id at the client"})
    ak = fields.String(metadata={"description": "key with which the user is logged in to the product"})
    age = fields.Integer()
    photo = fields.String(metadata={"description": "URL of a picture"})
    channel_id = fields.Integer()
    subchannel_id = fields.Integer()
    vip = fields.Integer(metadata={"description": "0 or 1"})


class PushData(Schema):
    """The user, and beside it whatever the mail's template is filled with."""

    class Meta:
        unknown = INCLUDE

    user = fields.Nested(PushUser, required=True)


class MailSettings(Schema):
    subject_id = fields.Integer()
    template_id = fields.Integer()


class Push(Schema):
    type_id = fields.Integer(required=True, metadata={"description": "transactional mail set up in the panel"})
    data = fields.Nested(PushData, required=True)
    meta = fields.Dict(keys=fields.String(), metadata={"description": "comes back in webhooks"})
    transactional_mail_settings = fields.Nested(MailSettings, metadata={"description": "only with push_shape: php_sdk"})


class User(Schema):
    """Who is meant: by id where it is known from a webhook, otherwise by address."""

    email = fields.String()
    user_id = fields.Integer(metadata={"description": "the user's id at Sendios"})


class UserFields(User):
    name = fields.String()
    language = fields.String(metadata={"description": "two letters"})
    country = fields.String(metadata={"description": "two or three letters"})
    city = fields.String()
    platform_id = _platform()
    gender = fields.String(metadata={"description": "m or f"})
    vip = fields.Integer(metadata={"description": "0 or 1"})
    list_id = fields.Integer(metadata={"description": "group of users"})
    age = fields.Integer()
    photo = fields.String(metadata={"description": "URL of a picture"})
    ak = fields.String(metadata={"description": "key with which the user is logged in to the product"})
    status = fields.Raw()
    partner_id = fields.Integer()
    custom_fields = fields.Dict(
        keys=fields.String(), metadata={"description": "the project's own fields; a field keeps the type it first had"}
    )


class Unsubscribe(User):
    source = fields.Integer(
        validate=validate.OneOf(tuple(UNSUBSCRIBE_SOURCES)),
        metadata={"description": "with user_id, why: " + ", ".join(f"{k} {v}" for k, v in UNSUBSCRIBE_SOURCES.items())},
    )


class ClientUser(Schema):
    email = fields.String(required=True)
    client_user_id = fields.String(required=True)


class EmailCheck(Schema):
    email = fields.String(required=True)
    sanitize = fields.Boolean(metadata={"description": "also correct the address"})


class Erasure(Schema):
    email = fields.String(required=True)
    force_delete = fields.Boolean(metadata={"description": "in about ten minutes instead of about two days"})
