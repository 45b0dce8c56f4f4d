"""Our reading of Parcelvoy's schemas against what ajv 8.17.1, ajv-errors 3.0.0 and its own formatter said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.http import client_schemas as schemas

SCHEMAS = {
    "alias": schemas.ALIAS,
    "identify": schemas.IDENTIFY,
    "devices": schemas.DEVICE,
    "events": schemas.EVENTS,
    "segment": schemas.SEGMENT,
    "users": schemas.USERS,
}
RECORDED = json.loads((Path(__file__).parent / "recorded_client_faults.json").read_text(encoding="utf-8"))
DEVICE = {"external_id": "c", "device_id": "d", "os": "iOS", "model": "m", "app_build": "1", "app_version": "1"}
SEGMENT = {"type": "track", "userId": "c"}

# contracts.md §4.2 and §4.8, as printed there
PUBLISHED = [
    ("alias", {}, "Must have required property 'external_id'"),
    ("alias", {"external_id": "c"}, "Must have required property 'anonymous_id'"),
    ("alias", {"external_id": None, "anonymous_id": "a"}, "The value of `external_id` must be a string."),
    ("alias", {"external_id": 5, "anonymous_id": "a"}, "The value of `external_id` must be a string."),
    ("alias", {"external_id": "", "anonymous_id": "", "more": 1}, None),
    ("alias", [], "The value of `` must be a object."),
    ("alias", "text", "The value of `` must be a object."),
    ("identify", {"emale": 5}, "Must have required property 'anonymous_id'"),
    ("identify", {"external_id": None, "emale": 1, "email": 5}, "Must NOT have additional properties"),
    ("identify", {"external_id": "c", "timezone": "Stockholm"}, "The timezone value must be in the IANA format."),
    ("identify", {"external_id": "c", "timezone": ""}, "The timezone value must be in the IANA format."),
    ("identify", {"external_id": "c", "timezone": "GMT+2"}, "The timezone value must be in the IANA format."),
    ("identify", {"external_id": "c", "timezone": "america/CHICAGO"}, None),
    ("identify", {"external_id": "c", "timezone": "EST"}, None),
    ("identify", {"external_id": "c", "timezone": 5}, "The value of `timezone` must be a string."),
    ("identify", {"external_id": "c", "data": []}, "The value of `data` must be a object."),
    ("identify", {"external_id": None}, None),
    ("devices", {"app_build": 465}, "Must have required property 'anonymous_id'"),
    ("devices", DEVICE | {"app_build": 465}, "The value of `app_build` must be a string."),
    ("devices", DEVICE | {"os_version": None}, "The value of `os_version` must be a string."),
    ("devices", DEVICE | {"token": None, "sdk_version": 5}, None),
    ("events", [], "Must NOT have fewer than 1 items"),
    ("events", {"name": "n", "external_id": "c"}, "The value of `` must be a array."),
    ("events", "text", "The value of `` must be a array."),
    ("events", [{"external_id": "c"}], "Must have required property 'name'"),
    ("events", [{"name": "n"}], "Must have required property 'anonymous_id'"),
    ("events", [{"name": 1, "external_id": "c"}], "The value of `0/name` must be a string."),
    (
        "events",
        [{"name": "n", "external_id": "c", "user": {"email": 1}}],
        "The value of `0/user/email` must be a string.",
    ),
    ("events", [{"name": "n", "external_id": "c", "user": {"timezone": "nowhere"}}], None),
    ("events", [{"name": "n", "external_id": "c"}] * 2000, None),
    ("segment", [SEGMENT] * 1001, "Must NOT have more than 1000 items"),
    ("segment", [SEGMENT] * 1000, None),
    ("segment", [{"type": "track"}], "Must have required property 'anonymousId'"),
    ("users", [{"external_id": "c", "email": 5}], "Must have required property 'anonymous_id'"),
    ("users", [{"anonymous_id": "a", "email": 5}], "The value of `0/email` must be a string."),
    ("users", [{"external_id": "c", "timezone": "nowhere", "more": 1}], None),
    ("users", [{"external_id": None}], "Must have required property 'anonymous_id'"),
]


@pytest.mark.parametrize(
    ("schema", "body", "sentence"), PUBLISHED, ids=lambda value: json.dumps(value)[:60] if value != {} else "{}"
)
def test_published(schema, body, sentence):
    assert schemas.fault(SCHEMAS[schema], body) == sentence


@pytest.mark.parametrize("schema", SCHEMAS)
def test_recorded(schema):
    said = [(body, sentence) for name, body, sentence in RECORDED if name == schema]
    assert [(body, schemas.fault(SCHEMAS[schema], body)) for body, _ in said] == said
