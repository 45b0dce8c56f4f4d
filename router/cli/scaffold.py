"""The files of a new connector: each works as written, and is then changed into the provider's own."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

PLACES: Mapping[str, str] = {  # template → where it goes
    "connector.py.txt": "connectors/{name}.py",
    "sandbox.py.txt": "connectors/sandbox/{name}.py",
    "test.py.txt": "tests/connectors/test_{name}.py",
}
WHAT: Mapping[str, str] = {
    "connector.py.txt": "the connector: options, operations, and what each answer means",
    "sandbox.py.txt": "its stand-in: refuse here whatever the provider refuses",
    "test.py.txt": "its test: one case for every row of the error table",
}
# registry → (the class that it lists, how its table begins)
REGISTRIES: Mapping[str, tuple[str, str]] = {
    "connectors/registry.py": ("connectors", "REGISTRY: "),
    "connectors/sandbox/registry.py": ("connectors.sandbox", "PROVIDERS: "),
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Taken(Exception):
    """The files cannot be written. The message says why; nothing was written."""


def write(name: str, root: Path) -> dict[Path, str]:
    """Write the three files into a checkout and register the connector: path → what it is. Raises `Taken`."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise Taken(f"{name!r} cannot be a connector's name: lower-case letters, digits and _, a letter first")
    if missing := [path for path in REGISTRIES if not (root / path).is_file()]:
        raise Taken(f"{root} has no {missing[0]}: go to a checkout of the router, or name it by --directory")
    places = {root / place.format(name=name): template for template, place in PLACES.items()}
    if there := [path for path in places if path.exists()]:
        raise Taken(f"{there[0]} is there already; choose another name")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    texts = {path: _filled(template, name, class_name) for path, template in places.items()}
    registries = {root / path: _registered(root / path, name, class_name, *how) for path, how in REGISTRIES.items()}
    for path, text in (texts | registries).items():
        path.write_text(text, encoding="utf-8")
    return {path: WHAT[template] for path, template in places.items()} | dict.fromkeys(registries, "two lines more")


def _filled(template: str, name: str, class_name: str) -> str:
    text = files("router.cli").joinpath("templates", template).read_text(encoding="utf-8")
    return Template(text).substitute(name=name, class_name=class_name, title=class_name)


def _registered(registry: Path, name: str, class_name: str, package: str, table: str) -> str:
    """A registry's text with the connector's two lines, each in its alphabetical place. Raises `Taken`."""
    lines = registry.read_text(encoding="utf-8").splitlines(keepends=True)
    begins = next((number for number, line in enumerate(lines) if line.startswith(table)), None)
    if begins is None:
        raise Taken(f"{registry} has no {table.rstrip(': ')} to add the connector to")
    entry, imported = f'    "{name}": {class_name},\n', f"from {package}.{name} import {class_name}\n"
    entries = [number for number in range(begins, len(lines)) if lines[number].startswith('    "')]
    imports = [number for number, line in enumerate(lines) if line.startswith(f"from {package}.")]
    lines.insert(next((number for number in entries if lines[number] > entry), entries[-1] + 1), entry)
    lines.insert(next((number for number in imports if lines[number] > imported), imports[-1] + 1), imported)
    return "".join(lines)
