"""The whole OpenAPI document: for everyone, or for one client. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apispec import APISpec

from router.http.openapi import answers, client_api, contracts, previews, records, service, status
from router.http.openapi.callbacks import webhooks
from router.http.openapi.variants import Variant
from router.settings import Settings

VERSION = "1.0.0"
_TITLE = "Integration router"
_INTRODUCTION = """One endpoint in, every destination out, nothing lost.

A call is answered as soon as it is kept, durably; deliveries to the integrations follow, and what became of them is
told by the status document and by callbacks. Every answer has an `X-Request-Id`; quote it when you ask.

A body is JSON in UTF-8: at most five levels deep and 1,000 fields in an object, no name twice, numbers of at most 64
bits, no U+0000 and no half of a surrogate pair. That holds for what is ignored, too.

Test against staging, by the path prefix `/staging` or on a host named `staging.…`: everything happens but the delivery,
and the status tells what would have been sent."""
_TAGS = {
    "v1": "Contacts, events and products, without types.",
    "v2": "Profiles, events and inventory, each of a type.",
    "v3": "The same as v2.",
    "Status": "What became of requests.",
    "Client API": "For apps and browsers: the API of Parcelvoy, with its keys, bodies and answers.",
    "Callbacks": "What you are sent, by Standard Webhooks.",
    "Service": "This service itself.",
}

SERVERS = [
    {"url": "/", "description": "Production"},
    {"url": "/staging", "description": "Staging: the whole pipeline, but nothing is sent to a provider"},
]


def document(settings: Settings, variants: Sequence[Variant], client: str | None = None) -> dict[str, Any]:
    """The description of all surfaces; with a client, of its own contracts."""
    spec = APISpec(
        title=f"{_TITLE}: {client}" if client else _TITLE,
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": _INTRODUCTION},
        tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
        webhooks=webhooks(),
        servers=[{"url": "/"}],
    )
    _components(spec, settings, variants)
    for path, operations in {**records.paths(variants), **previews.paths(variants), **status.paths()}.items():
        spec.path(path, operations={method: {**each, "servers": SERVERS} for method, each in operations.items()})
    for path, operations in {**client_api.paths(settings.strict_client_api), **service.paths()}.items():
        spec.path(path, operations=operations)
    return spec.to_dict()


def _components(spec: APISpec, settings: Settings, variants: Sequence[Variant]) -> None:
    schemas = {
        "Answer": answers.ANSWER,
        "Scalar": contracts.SCALAR,
        "Value": contracts.VALUE,
        **records.schemas(variants),
        **previews.SCHEMAS,
        **status.SCHEMAS,
        **client_api.SCHEMAS,
    }
    for name, schema in schemas.items():
        spec.components.schema(name, dict(schema))
    for name, (_, header) in answers.HEADERS.items():
        spec.components.header(name, dict(header))
    for name, response in {**answers.responses(), **client_api.responses()}.items():
        spec.components.response(name, response)
    for name, scheme in answers.security(settings.regions).items():
        spec.components.security_scheme(name, scheme)
