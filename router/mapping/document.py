"""The publishable set: a directory of files, the bytes that stand for it, and their digest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from router.mapping.faults import Broken, Fault
from router.mapping.load import Source

CLIENT_FILE = "client.yaml"


def read_tree(directory: Path) -> tuple[Source, ...]:
    """Every YAML file below a directory, sorted by path; hidden ones are left out.

    Raises `Broken` for files that are not UTF-8, and FileNotFoundError when there is no such directory.
    """
    if not directory.is_dir():
        raise FileNotFoundError(f"no such directory: {directory}")
    sources, faults = [], []
    for file in sorted(directory.rglob("*.y*ml")):
        path = file.relative_to(directory)
        if any(part.startswith(".") for part in path.parts) or not file.is_file():
            continue
        try:
            sources.append(Source(path.as_posix(), file.read_text("utf-8-sig"), str(directory)))
        except UnicodeDecodeError as error:
            line = file.read_bytes()[: error.start].count(b"\n") + 1
            faults.append(Fault(str(file), line, 1, "not UTF-8"))
    if faults:
        raise Broken(faults)
    return tuple(sources)


def to_bytes(sources: Iterable[Source]) -> bytes:
    """The set as canonical JSON: what is stored when it is published, and what its digest is of."""
    files = sorted((source.path, source.text) for source in sources)
    return json.dumps(files, ensure_ascii=False, separators=(",", ":")).encode()


def from_bytes(stored: bytes) -> tuple[Source, ...]:
    """The set that `to_bytes` wrote; ValueError when it is none."""
    try:
        return tuple(Source(path, text) for path, text in json.loads(stored))
    except (TypeError, ValueError) as error:
        raise ValueError("not a stored set of mappings") from error


def digest(sources: Iterable[Source]) -> str:
    """`sha256:…` of the set, wherever it was read from."""
    return "sha256:" + sha256(to_bytes(sources)).hexdigest()
