"""A file of records, read line by line and accepted in parts that are the same on every run.

A part is so many lines of the file, whatever they hold; its idempotency key names the file's content, the part, and
what the records are taken for. So an import that was interrupted is simply run again: parts that were kept stay kept.
What the key stands for names the lines that were refused: a contract that refuses others would else lose lines unseen.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

from router.accept import Call, accept
from router.config import Snapshot
from router.ledger.base import IdempotencyMismatch, Intake
from router.mapping import Contract, Kind
from router.model import Action, Entity, Environment, Idempotency, new_request_id

PART = 500
KEPT_DAYS = 3650.0
CHUNK = 1 << 20
YES, NO = frozenset({"true", "1", "yes", "y", "t"}), frozenset({"false", "0", "no", "n", "f"})


class BadFile(Exception):
    """The file cannot be read as records. The message says where and why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. record: None when it is none, for the reasons `faults`."""

    number: int
    record: Mapping[str, Any] | None
    faults: Sequence[str] = ()


class Taken(Enum):
    """When a part's good lines were accepted: now, in an earlier run, or in one that refused other lines of the part
    than would be refused now, so that it is not known to be the same."""

    NOW = "accepted"
    EARLIER = "already accepted earlier"
    OTHERWISE = "in parts that were accepted earlier, when other lines of them were refused"


@dataclass(frozen=True, slots=True)
class Part:
    """What became of some lines. good: how many the contract takes. bytes: how far into the file they reach."""

    good: int
    taken: Taken
    rejects: Sequence[Line]
    bytes: int


@dataclass(frozen=True, slots=True)
class Target:
    """What the records of a file are taken for."""

    client: str
    entity: Entity
    type: str
    group: str
    environment: Environment = Environment.PRODUCTION


def load(path: Path, target: Target, snapshot: Snapshot, ledger: Intake, by: str) -> Iterator[Part]:
    """Accept a file's records part by part; what its contract refuses is told, line by line, and left out.

    Raises `BadFile`, and what `accept` raises.
    """
    contract = snapshot.set.contract(target.client, target.entity, target.type, target.group)
    if contract is None:
        raise BadFile(f"{target.client}/{target.group} has no mapping for {target.entity} {target.type}".rstrip())
    name = digest(path, target)
    with path.open("rb") as file:
        for number, lines in enumerate(_parts(_lines(path, file, contract), PART)):
            checked = [_checked(line, contract) for line in lines]
            good = [line.record for line in checked if line.record is not None]
            rejects = [line for line in checked if line.record is None]
            once = _once(f"import:{name}:{number}", rejects)
            taken = _accepted(good, once, target, snapshot, ledger, by) if good else Taken.NOW
            yield Part(len(good), taken, rejects, file.tell())


def digest(path: Path, target: Target) -> str:
    """What an import is known by: a SHA-256 over the file's content and what it is taken for."""
    told = hashlib.sha256(json.dumps([target.entity, target.type, target.group, target.environment]).encode())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            told.update(chunk)
    return told.hexdigest()


def _once(key: str, rejects: Sequence[Line]) -> Idempotency:
    refused = ",".join(str(line.number) for line in rejects)
    return Idempotency(key, hashlib.sha256(f"{key}:{refused}".encode()).digest(), KEPT_DAYS)


def _accepted(
    records: list[Mapping[str, Any]], once: Idempotency, target: Target, snapshot: Snapshot, ledger: Intake, by: str
) -> Taken:
    call = Call(
        request_id=new_request_id(),
        client=target.client,
        credential=by,
        environment=target.environment,
        surface="import",
        entity=target.entity,
        action=Action.UPSERT,
        type=target.type,
        group=target.group,
        records=records,
        many=True,
        idempotency=once,
    )
    try:
        return Taken.EARLIER if accept(call, snapshot, ledger).replayed else Taken.NOW
    except IdempotencyMismatch:
        return Taken.OTHERWISE


def _checked(line: Line, contract: Contract) -> Line:
    if line.record is None:
        return line
    _, problems = contract.validate(line.record)
    return Line(line.number, None, [str(problem) for problem in problems]) if problems else line


def _parts(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    while part := list(islice(lines, size)):
        yield part


def _lines(path: Path, file: Any, contract: Contract) -> Iterator[Line]:
    if path.suffix.lower() == ".csv":
        return _of_csv(path, (_decoded(raw, path, number) for number, raw in enumerate(file, 1)), contract)
    if path.suffix.lower() in {".ndjson", ".jsonl"}:
        return (_of_json(number, _decoded(raw, path, number)) for number, raw in enumerate(file, 1) if raw.strip())
    raise BadFile(f"{path}: the name must end in .csv, .ndjson or .jsonl")


def _decoded(raw: bytes, path: Path, number: int) -> str:
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise BadFile(f"{path}:{number}: is not UTF-8; convert the file first") from None


def _of_json(number: int, text: str) -> Line:
    try:
        record = json.loads(text)
    except ValueError as error:
        return Line(number, None, [f"is not JSON: {error}"])
    return Line(number, record) if isinstance(record, dict) else Line(number, None, ["is not an object"])


def _of_csv(path: Path, texts: Iterator[str], contract: Contract) -> Iterator[Line]:
    rows = csv.reader(texts, strict=True)
    try:
        header = next(rows, None)
        if not header or len(set(header)) < len(header):
            raise BadFile(f"{path}:1: the first line must name the columns, each once")
        readers = {name: _READERS.get(field.type.kind, str) for name, field in contract.fields.items()}
        for row in rows:
            if row:
                yield _of_row(rows.line_num, header, row, readers)
    except csv.Error as error:
        raise BadFile(f"{path}:{rows.line_num}: {error}") from None


def _of_row(number: int, header: list[str], row: list[str], readers: Mapping[str, Callable[[str], Any]]) -> Line:
    if len(row) != len(header):
        return Line(number, None, [f"has {len(row)} columns, and the first line names {len(header)}"])
    record: dict[str, Any] = {}
    faults = []
    for name, text in zip(header, row, strict=True):
        try:
            record[name] = readers.get(name, str)(text) if text else None
        except ValueError:
            faults.append(f"{name}: is not of its type")
    return Line(number, None, faults) if faults else Line(number, record)


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in YES | NO:
        return word in YES
    raise ValueError(text)


# A CSV knows only text; an empty cell is null, and a list's items stand between semicolons.
_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: _boolean,
    Kind.LIST: lambda text: [item.strip() for item in text.split(";") if item.strip()],
}
