"""What a SALESmanago integration configures, and what can be sent there (contracts.md §1.2, §1.4.1, §1.5, §1.6)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from connectors.options import BaseUrl, ConnectorOptions

HOST_V3 = "https://api.salesmanago.com"

STATES = ("CUSTOMER", "PROSPECT", "PARTNER", "OTHER", "UNKNOWN")
EVENT_TYPES = (
    *("PURCHASE", "CART", "VISIT", "PHONE_CALL", "OTHER", "RESERVATION", "CANCELLED", "ACTIVATION", "MEETING"),
    *("OFFER", "DOWNLOAD", "LOGIN", "TRANSACTION", "CANCELLATION", "RETURN", "SURVEY", "APP_STATUS", "APP_TYPE_WEB"),
    *("APP_TYPE_MANUAL", "APP_TYPE_RETENTION", "APP_TYPE_UPSALE", "LOAN_STATUS", "LOAN_ORDER", "FIRST_LOAN"),
    "REPEATED_LOAN",
)


class Options(ConnectorOptions):
    base_url = BaseUrl(required=True, metadata={"description": "the account's own: Settings, Integration, Endpoint"})
    client_id = fields.String(required=True, metadata={"description": "Settings, Integration"})
    api_secret = fields.String(required=True, metadata={"secret": True, "description": "Settings, Integration"})
    api_key = fields.String(
        load_default="integration-router",
        validate=validate.Length(min=1),
        metadata={"description": "any string: it is hashed together with the secret and sent beside the hash"},
    )
    owner = fields.String(required=True, metadata={"description": "address of the user who owns the contacts"})
    base_url_v3 = BaseUrl(load_default=HOST_V3, metadata={"description": "where API v3 is, which has the products"})
    api_v3_key = fields.String(
        metadata={"secret": True, "description": "Integration Center, API, API v3; for products"}
    )
    catalog_id = fields.String(metadata={"description": "the catalog of products whose mapping names none"})


def _schema(name: str, members: dict[str, fields.Field[Any]]) -> type[Schema]:
    return Schema.from_dict(members, name=f"Salesmanago{name}")


def _text(description: str = "", **more: Any) -> fields.String:
    return fields.String(metadata={"description": description} if description else {}, **more)


def _flag(description: str = "") -> fields.Boolean:
    return fields.Boolean(metadata={"description": description} if description else {})


def _texts(description: str) -> fields.List[Any]:
    return fields.List(fields.String(), metadata={"description": description})


def _moment(description: str) -> fields.Raw:
    return fields.Raw(
        metadata={"description": f"{description}; ms since 1970 or ISO 8601, UTC unless it says otherwise"}
    )


def _email() -> fields.String:
    return _text("the contact's key; at most 64 characters before the @, 254 in all", required=True)


CONTACT_DATA = _schema(
    "ContactData",
    {
        "email": _email(),
        "name": _text(),
        "phone": _text(),
        "fax": _text(),
        "company": _text(),
        "externalId": _text("for information: contacts are not found by it"),
        "state": _text(validate=validate.OneOf(STATES)),
        "address": fields.Nested(
            _schema("Address", {name: _text() for name in ("streetAddress", "zipCode", "city", "country")})
        ),
    },
)

CONSENT = _schema(
    "Consent",
    {
        "consentName": _text("must exist in the account", required=True),
        "consentAccept": fields.Boolean(required=True),
        "agreementDate": _moment("now when missing"),
        "ip": _text(),
        "optOut": _flag(),
        "consentDescriptionId": fields.Integer(),
    },
)

DICTIONARY_PROPERTY = _schema(
    "DictionaryProperty",
    {
        "name": _text(required=True),
        "type": _text("NUMBER or DATE; the same for a name in all contacts", required=True),
        "value": fields.Raw(required=True),
    },
)

CONTACT = _schema(
    "Contact",
    {
        "contact": fields.Nested(CONTACT_DATA, required=True),
        "contactId": _text("the contact's id at SALESmanago, which then wins over the address"),
        "newEmail": _text("renames the contact"),
        "owner": _text("when it is not the integration's"),
        "forceOptIn": _flag("e-mail marketing: subscribe"),
        "forceOptOut": _flag("e-mail marketing: unsubscribe"),
        "forcePhoneOptIn": _flag("phone marketing: subscribe"),
        "forcePhoneOptOut": _flag("phone marketing: unsubscribe"),
        "tags": _texts("tags to add"),
        "removeTags": _texts("tags to take away"),
        "tagScoring": _flag(),
        "properties": fields.Dict(keys=fields.String(), metadata={"description": "standard details; stored as text"}),
        "dictionaryProperties": fields.List(fields.Nested(DICTIONARY_PROPERTY)),
        "birthday": _text("yyyyMMdd, MMdd or an ISO date"),
        "province": _text(),
        "lang": _text(),
        "consentDetails": fields.List(fields.Nested(CONSENT)),
        "loyaltyProgram": _text(),
        "useApiDoubleOptIn": _flag("let SALESmanago ask for a confirmation by mail"),
        "doubleOptInEmailId": _text(),
        "doubleOptInLanguage": _text(),
    },
)

CONSENTS = _schema(
    "Consents",
    {
        "contact": fields.Nested(_schema("ContactKey", {"email": _email()}), required=True),
        "consentDetails": fields.List(fields.Nested(CONSENT), required=True),
    },
)

ADDRESS = _schema("ByEmail", {"email": _email()})
DELETION = _schema("Deletion", {"email": _email(), "permanently": _flag("leave no trace of the contact")})
TAGS = _schema("Tags", {"email": _email(), "tags": _texts("tags to add"), "removeTags": _texts("tags to take away")})

EVENT = _schema(
    "Event",
    {
        "email": _text("of the contact; not sent beside a contactId"),
        "contactId": _text("the contact's id at SALESmanago"),
        "forceOptIn": _flag("subscribe a contact whom the event creates"),
        "contactEvent": fields.Nested(
            _schema(
                "ContactEvent",
                {
                    "date": _moment("when it happened; when accepted if missing"),
                    "contactExtEventType": _text(required=True, validate=validate.OneOf(EVENT_TYPES)),
                    "description": _text("at most 2048 characters"),
                    "products": _text("ids, joined by commas, at most 512 characters"),
                    "location": _text("of the product feed or catalog: at most 36 of a-z 0-9 / _ . -"),
                    "value": fields.Float(),
                    **{f"detail{number}": _text("at most 255 characters") for number in range(1, 21)},
                    "externalId": _text("the event's id at the client; repeated ones are not told apart"),
                    "shopDomain": _text("at most 255 characters"),
                },
            ),
            required=True,
        ),
    },
)


def _in_catalog(name: str, members: dict[str, fields.Field[Any]]) -> type[Schema]:
    """A product's members, its key and its catalog among them."""
    key = _text("the product's key in its catalog", required=True)
    return _schema(name, {"catalogId": _text("when it is not the integration's"), "productId": key, **members})


PRODUCT = _in_catalog(
    "Product",
    {
        "name": _text("at most 255 characters", required=True),
        "mainCategory": _text(),
        "categoryExternalId": _text(),
        "categories": _texts("at most 5"),
        "description": _text("at most 16384 characters"),
        "productUrl": _text(),
        "mainImageUrl": _text(),
        "imageUrls": _texts("at most 5"),
        "available": _flag(),
        "active": _flag(),
        "quantity": fields.Integer(),
        "price": fields.Float(),
        "discountPrice": fields.Float(),
        "systemDetails": fields.Nested(
            _schema(
                "SystemDetails",
                {
                    "brand": _text(),
                    "manufacturer": _text(),
                    "popularity": fields.Integer(),
                    "gender": fields.Integer(validate=validate.OneOf((-1, 0, 1, 2, 4))),
                    "season": _text(),
                    "color": _text(),
                    "bestseller": _flag(),
                    "newProduct": _flag(),
                },
            )
        ),
        "customDetails": fields.Nested(_schema("CustomDetails", {f"detail{n}": _text() for n in range(1, 6)})),
    },
)

QUANTITY = _in_catalog("Quantity", {"quantity": fields.Integer(required=True)})
PRICE = _in_catalog("Price", {"price": fields.Float(required=True), "discountPrice": fields.Float()})

CATALOG = _schema(
    "Catalog",
    {
        "catalogId": _text("of the catalog to change; a new one is made without it"),
        "name": _text(required=True),
        "setAsDefault": fields.Boolean(required=True),
        "currency": _text("ISO 4217", required=True),
        "location": _text("as in the events that name the products", required=True),
    },
)
