"""The publishable set: a directory of files, the bytes that stand for it, and their digest."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from router.mapping.faults import Broken, Fault
from router.mapping.load import Source

CLIENT_FILE = "client.yaml"
SUFFIXES = (".yaml", ".yml")


def files_in(directory: Path) -> Iterator[Path]:
    """Every YAML file below a directory, sorted by path; hidden ones are left out, and what only has such a name."""
    for file in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(directory).parts)
        if file.suffix.lower() in SUFFIXES and not hidden and not file.is_dir():
            yield file


def read_tree(directory: Path) -> tuple[Source, ...]:
    """Every YAML file below a directory, sorted by path. What is not UTF-8 in one is kept as lone surrogates.

    Raises `Broken` for what cannot be read at all, and FileNotFoundError when there is no such directory.
    """
    if not directory.is_dir():
        raise FileNotFoundError(f"no such directory: {directory}")
    sources, faults = [], []
    for file in files_in(directory):
        source = Source(file.relative_to(directory).as_posix(), "", str(directory))
        try:
            sources.append(replace(source, text=_text(file)))
        except OSError as error:
            faults.append(Fault(source.shown, 1, 1, f"cannot be read: {error.strerror}"))
    if faults:
        raise Broken(faults)
    return tuple(sources)


def _text(file: Path) -> str:
    if file.exists() and not file.is_file():  # opening a pipe would wait for its other end
        raise OSError(errno.EINVAL, "not a file")
    return file.read_text("utf-8-sig", "surrogateescape")


def to_bytes(sources: Iterable[Source]) -> bytes:
    """The set as canonical JSON: what is stored when it is published, and what its digest is of."""
    files = sorted((source.path, source.text) for source in sources)
    return json.dumps(files, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


def from_bytes(stored: bytes) -> tuple[Source, ...]:
    """The set that `to_bytes` wrote; ValueError when it is none."""
    try:
        return tuple(Source(path, text) for path, text in json.loads(stored))
    except (TypeError, ValueError) as error:
        raise ValueError("not a stored set of mappings") from error


def digest(sources: Iterable[Source]) -> str:
    """`sha256:…` of the set, wherever it was read from."""
    return "sha256:" + sha256(to_bytes(sources)).hexdigest()
