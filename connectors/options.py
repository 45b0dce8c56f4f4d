"""The options that every connector has."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from connectors.address import parse
from connectors.errors import NotSent


class HttpUrl(fields.String):
    """An absolute http(s) URL without credentials and fragment. Which hosts may be called is the wire's to say."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            parts = parse(str(text))
        except NotSent as fault:
            raise ValidationError(str(fault)) from None
        if parts.fragment is not None:
            raise ValidationError("the URL must not have a fragment")
        return str(text)


class BaseUrl(HttpUrl):
    """A URL that paths are appended to: no query, and no slash at its end."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "?" in text:
            raise ValidationError("the URL must not have a query")
        return text.rstrip("/")


class ConnectorOptions(Schema):
    """Where a provider is and how long to wait for it. A connector adds its own, and its default for `base_url`."""

    base_url = BaseUrl(metadata={"description": "Where the provider's API is"})
    connect_timeout = fields.Float(
        load_default=5.0,
        validate=validate.Range(min=0, max=30, min_inclusive=False),
        metadata={"description": "Seconds to resolve, connect and agree on TLS"},
    )
    timeout = fields.Float(
        load_default=20.0,
        validate=validate.Range(min=0, max=60, min_inclusive=False),
        metadata={"description": "Seconds for a whole call"},
    )
