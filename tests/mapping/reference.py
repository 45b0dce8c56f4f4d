"""The tables of `mappings/README.md` and the editors' schemas, made from the code.

`python -m tests.mapping.reference` writes them all again.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from router.mapping import formats, kinds, schema
from router.mapping.shapes import Block
from router.mapping.transform import UNSET, Example
from router.mapping.transforms import TRANSFORMS

MAPPINGS = Path(__file__).parents[2] / "mappings"
README = MAPPINGS / "README.md"


def _words(*blocks: Block) -> list[str]:
    """The words of a block; of several, each word once. Those of a single block say whether they must be there."""
    known: dict[str, str] = {}
    for block in blocks:
        for word in block.words:
            required = " (required)" if word.required and len(blocks) == 1 else ""
            known.setdefault(word.name, f"| `{word.name}` | {word.doc}{required} |")
    return ["| Word | Meaning |", "|---|---|", *known.values()]


def _yaml(value: Any) -> str:
    """As it is written in a file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(one)}" for key, one in value.items()) + "}"
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", value)
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def _example(one: Example) -> str:
    return f"`{json.dumps(one.given, ensure_ascii=False)}` → `{json.dumps(one.expect, ensure_ascii=False)}`"


def _transforms() -> list[str]:
    rows = ["| Transform | Gives | Example |", "|---|---|---|"]
    for name, transform in TRANSFORMS.items():
        first = transform.examples[0]
        argument = "colours" if transform.table else first.argument
        written = name if argument is UNSET else f"{{{name}: {_yaml(argument)}}}"
        rows.append(f"| `{written}` | {transform.doc} | {_example(first)} |")
    return rows


def _types() -> list[str]:
    return [
        "| Type | What the client sends |",
        "|---|---|",
        *(f"| `{kind}` | {doc} |" for kind, doc in kinds.DOCS.items()),
    ]


def _formats() -> list[str]:
    return ["| Format | Gives |", "|---|---|", *(f"| {written} | {doc} |" for written, doc in formats.DOCS.items())]


def tables() -> dict[str, list[str]]:
    """Each table of the page by the name in its markers."""
    return {
        "file": _words(schema.FILE),
        "field": _words(schema.FIELD),
        "types": _types(),
        "profile": _words(schema.PROFILE),
        "delivery": _words(schema.DELIVERY),
        "rule": _words(*schema.RULES.blocks.values()),
        "condition": _words(*schema.CONDITIONS.blocks.values()),
        "transforms": _transforms(),
        "formats": _formats(),
        "client": _words(schema.CLIENT, schema.GROUP),
        "integration": _words(schema.INTEGRATION),
        "budget": _words(schema.BUDGET),
        "callback": _words(schema.CALLBACK),
        "setting": _words(schema.SETTING),
        "example": _words(schema.EXAMPLE),
    }


def page(text: str) -> str:
    """The page with its tables as the code has them. A table stands between `<!-- name -->` and `<!-- end -->`."""
    for name, rows in tables().items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, found = marked.subn(lambda match, rows=rows: match[1] + "\n".join(rows) + "\n" + match[2], text)
        if found != 1:
            raise ValueError(f"the page has {found} places for the table '{name}'")
    return text


def schemas() -> dict[Path, str]:
    """The editors' schemas by file."""
    made = schema.json_schemas()
    return {MAPPINGS / name: json.dumps(one, indent=1, ensure_ascii=False) + "\n" for name, one in made.items()}


if __name__ == "__main__":
    README.write_text(page(README.read_text()))
    for file, text in schemas().items():
        file.write_text(text)
