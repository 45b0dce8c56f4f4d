"""The door to the connectors: what they can do as plain values, and what a call would look like."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from marshmallow import ValidationError

from connectors import registry
from connectors.sandbox.registry import PROVIDERS
from router import catalog
from router.mapping.targets import of_schema

NAMES = sorted(registry.load())


@pytest.mark.parametrize("name", NAMES)
def test_the_facts_are_those_of_the_connector(name: str) -> None:
    kind, facts = registry.load()[name], catalog.facts()[name]
    assert (facts.name, facts.options) == (name, kind.options)
    for operation, one in kind.operations.items():
        known = facts.operations[operation]
        assert (known.fields, known.entities, known.batch, known.batch_cap, known.repeat_safe, known.removes) == (
            one.fields,
            one.entities,
            one.batch,
            one.batch_cap,
            one.repeat_safe,
            one.removes,
        )


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_has_targets_that_a_mapping_can_name(name: str) -> None:
    for facts in catalog.facts()[name].operations.values():
        target = of_schema(facts.fields)
        names = list(target.names())
        assert names or target.rest
        assert all(target.locate(one) for one in names)


SHOWN = [
    name
    for name in NAMES
    if name in PROVIDERS and hasattr(importlib.import_module(PROVIDERS[name].__module__), "SAMPLES")
]


def account(name: str) -> dict[str, Any]:
    given = {**importlib.import_module(PROVIDERS[name].__module__).CREDENTIALS}
    url = "url" if "url" in catalog.facts()[name].options().fields else "base_url"
    return catalog.load(name, {**given, url: f"https://{name}.example"})


@pytest.mark.parametrize("name", SHOWN)
def test_a_preview_is_the_request_without_its_secrets(name: str) -> None:
    loaded = account(name)
    options = catalog.facts()[name].options().fields
    hidden = [loaded[option] for option, one in options.items() if one.metadata.get("secret") and loaded.get(option)]
    secrets = [one for value in hidden for one in (value if isinstance(value, list) else [value])]
    module = importlib.import_module(PROVIDERS[name].__module__)
    for operation, payload in module.SAMPLES.items():
        shown = catalog.preview(name, loaded, operation, payload)
        assert shown["method"] in ("GET", "POST", "PUT", "PATCH", "DELETE"), operation
        assert not any(secret in json.dumps(shown) for secret in secrets)


def test_a_payload_that_no_request_is_made_of_has_a_reason() -> None:
    shown = catalog.preview("digitalonboarding", account("digitalonboarding"), "upsert_contact", {"name_first": "Ada"})
    assert list(shown) == ["nothing_sent"]
    assert "unique_id" in shown["nothing_sent"] or "email" in shown["nothing_sent"]


def test_options_that_are_wrong_are_named() -> None:
    with pytest.raises(ValidationError, match="client_id"):
        catalog.load("salesmanago", {"base_url": "https://app.example"})


def test_an_unknown_connector_is_named() -> None:
    with pytest.raises(LookupError, match=r"salesmango.*did you mean 'salesmanago'"):
        catalog.load("salesmango", {})
