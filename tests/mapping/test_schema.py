"""The page, the editors' schemas and the code say the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from router import catalog
from router.mapping import Source
from router.mapping.faults import Sheet
from router.mapping.lint import check
from router.mapping.load import parse
from tests.mapping import test_broken_contracts, test_broken_rules, test_broken_sets
from tests.mapping.reference import MAPPINGS, README, page, schemas

AGAIN = "run: python -m tests.mapping.reference"


def test_the_page_has_the_words_types_and_transforms_of_the_code() -> None:
    assert README.read_text() == page(README.read_text()), AGAIN


def test_the_editors_schemas_are_those_of_the_code() -> None:
    kept = {file: file.read_text() if file.exists() else "" for file in schemas()}
    assert kept == schemas(), AGAIN


def test_what_the_page_shows_is_right() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    names = ("shop/profile.person.yaml", "shop/client.yaml")
    sources = [Source(name, text) for name, text in zip(names, blocks, strict=True)]
    assert check(sources, catalog.facts()) == []


def validator(file: str) -> Draft202012Validator:
    name = "client.schema.json" if file.endswith("client.yaml") else "mapping.schema.json"
    return Draft202012Validator(json.loads((MAPPINGS / name).read_text()))


def plain(text: str) -> Any:
    """As an editor reads it, which knows YAML 1.2."""
    node = parse(Source("file", text), Sheet())
    return node and node.plain()


FILES = sorted(MAPPINGS.rglob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(MAPPINGS)) for file in FILES])
def test_an_editor_finds_nothing_wrong_with_the_demo(file: Any) -> None:
    assert [error.message for error in validator(str(file)).iter_errors(plain(file.read_text()))] == []


SEEN_BY_EDITORS = [
    "unknown word in file",
    "unknown word in field",
    "unknown word in rule",
    "word of another kind",
    "two kinds",
    "no kind",
    "unknown entity",
    "unknown type",
    "unknown transform",
    "transform without argument",
    "transform with argument",
    "bad argument",
    "condition two",
    "unknown word in integration",
    "on_unknown",
]
BROKEN = {
    name: files
    for module in (test_broken_contracts, test_broken_rules, test_broken_sets)
    for name, files, _ in module.CASES
}


@pytest.mark.parametrize("name", SEEN_BY_EDITORS)
def test_an_editor_sees_what_is_wrong_with_the_words(name: str) -> None:
    assert any(list(validator(file).iter_errors(plain(text))) for file, text in BROKEN[name].items())
