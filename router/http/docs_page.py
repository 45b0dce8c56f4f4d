"""An OpenAPI document as a page shows it: sections, operations, fields. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A field. name: with those that it stands in, `records[].index`."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Example:
    """media: its content type. text: as it is sent."""

    name: str
    media: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One of an operation's answers."""

    status: str
    description: str
    rows: Sequence[Row]
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Table:
    """The fields of a body; title: which of several kinds of body it is."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be called, or is called back. auth: how it is signed: sigv4, bearer or nothing."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    auth: str
    servers: Sequence[Mapping[str, str]]
    parameters: Sequence[Mapping[str, Any]]
    body: Sequence[Table]
    examples: Sequence[Example]
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    description: str
    operations: Sequence[Operation]


class Page:
    """What is on the page."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self.info: Mapping[str, str] = document["info"]
        self.security: Mapping[str, Any] = document["components"]["securitySchemes"]
        tagged: dict[str, list[Operation]] = {}
        for path, item in (*document["paths"].items(), *document["webhooks"].items()):
            for method in METHODS:
                if method in item:
                    tagged.setdefault(item[method]["tags"][0], []).append(self._operation(path, method, item))
        self.sections = [
            Section(tag["name"], tag["description"], tagged[tag["name"]])
            for tag in document["tags"]
            if tag["name"] in tagged
        ]

    def _operation(self, path: str, method: str, item: Schema) -> Operation:
        told = item[method]
        media = told.get("requestBody", {}).get("content", {})
        schemes = [name for each in told.get("security", ()) for name in each]
        return Operation(
            id=told["operationId"],
            method=method.upper(),
            path=path,
            summary=told["summary"],
            description=told.get("description", ""),
            auth="" if not schemes else "sigv4" if "sigv4" in schemes else "bearer",
            servers=told.get("servers", ()),
            parameters=[self._parameter(each) for each in told.get("parameters", ())],
            body=self._tables(next(iter(media.values()))["schema"]) if media else (),
            examples=list(_examples(media)),
            answers=[self._answer(status, each) for status, each in told["responses"].items()],
        )

    def _parameter(self, given: Schema) -> Mapping[str, Any]:
        schema = given["schema"]
        example = given.get("example", "")
        return {
            "name": given["name"],
            "in": given["in"],
            "type": self._type(schema),
            "required": given.get("required", False),
            "description": given.get("description", ""),
            "example": example[0] if isinstance(example, list) else example,
        }

    def _answer(self, status: str, given: Schema) -> Answer:
        told = self._resolved(given)
        media = told.get("content", {})
        schema = next(iter(media.values()))["schema"] if media else {}
        rows = list(self._rows(schema, "")) if status.startswith("2") else []
        return Answer(status, told["description"], rows, list(_examples(media)))

    def _tables(self, schema: Schema) -> list[Table]:
        kinds = self._resolved(schema).get("anyOf", [])
        if kinds and all("title" in each for each in kinds):
            return [Table(each["title"], list(self._rows(each, ""))) for each in kinds]
        return [Table("", list(self._rows(schema, "")))]

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _rows(self, schema: Schema, prefix: str, seen: tuple[int, ...] = ()) -> Iterator[Row]:
        """The fields within a schema, and within those; one that stands within itself is not opened again."""
        told = self._resolved(schema)
        if id(told) in seen:
            return
        seen = (*seen, id(told))
        for part in (*told.get("allOf", ()), *self._opened(told)):
            yield from self._rows(part, prefix, seen)
        if "items" in told:
            yield from self._rows(told["items"], f"{prefix}[]", seen)
        for name, member in told.get("properties", {}).items():
            path = f"{prefix}.{name}" if prefix else name
            shown = self._resolved(member)
            description = member.get("description") or shown.get("description", "")
            yield Row(path, self._type(member), name in told.get("required", ()), description)
            yield from self._rows(member, path, seen)

    def _opened(self, told: Schema) -> list[Schema]:
        """Of alternatives, those with fields of their own; an array of what is an alternative too is none."""
        choices = [each for word in ("anyOf", "oneOf") for each in told.get(word, ())]
        return [each for each in choices if each.get("items") not in choices]

    def _type(self, schema: Schema) -> str:
        told = self._resolved(schema)
        choices = told.get("oneOf") or told.get("anyOf")
        if choices and "type" not in told:
            return " or ".join(dict.fromkeys(self._type(each) for each in choices))
        if "const" in told or "enum" in told:
            return " or ".join(f"`{json.dumps(each)}`" for each in told.get("enum", [told.get("const")]))
        types = told.get("type", "object")
        words = [types] if isinstance(types, str) else types
        return " or ".join(
            f"list of {self._type(told['items'])}" if each == "array" else _WORDS[each] for each in words
        )


def _examples(media: Schema) -> Iterator[Example]:
    for kind, content in media.items():
        for name, each in content.get("examples", {}).items():
            yield Example(name, kind, _text(kind, each["value"]))


def _text(media: str, value: Any) -> str:
    if media.endswith("ndjson"):
        return "\n".join(json.dumps(each, ensure_ascii=False) for each in value)
    return json.dumps(value, ensure_ascii=False, indent=2)
