"""Back-test: recorded records through the set in force and a candidate, compared field by field. Nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from router.mapping.contract import Problem
from router.mapping.lineage import outlined
from router.mapping.sets import Mapped, MappingSet
from router.model import Action

SAMPLES = 3
RECORD = "(record)"  # the field of what concerns a record as a whole


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record as it was accepted. name: what a sample is called by, such as its requestId. type is "" for v1."""

    name: str
    client: str
    group: str
    entity: str
    type: str
    data: Mapping[str, Any]
    action: Action = Action.UPSERT


class Place(NamedTuple):
    """integration is "" for what concerns the contract; then field is one of the client's."""

    client: str
    group: str
    subject: str
    integration: str
    field: str


class Sample(NamedTuple):
    """Values are outlined."""

    name: str
    before: Any
    after: Any


class Verdict(StrEnum):
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    ADDED = "added"  # had no value, has one
    MISSING = "missing"  # had a value, has none
    FAILING = "failing"  # the candidate refuses what was accepted, or lacks what the provider insists on


@dataclass(slots=True)
class Tally:
    """samples: the first few records that are not unchanged."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)

    def add(self, verdict: Verdict, sample: Sample) -> None:
        self.counts[verdict] += 1
        if verdict is not Verdict.UNCHANGED and len(self.samples) < SAMPLES:
            self.samples.append(sample)


@dataclass(slots=True)
class Report:
    """records: how many were compared. skipped: how many the set in force does not accept either."""

    records: int = 0
    skipped: int = 0
    tallies: dict[Place, Tally] = field(default_factory=dict)

    @property
    def failing(self) -> int:
        """How many new failures there are; not 0 means that the candidate should not be published."""
        return sum(tally.counts[Verdict.FAILING] for tally in self.tallies.values())

    def differences(self) -> list[tuple[Place, Tally]]:
        """What is not the same, by place."""
        return sorted(((place, one) for place, one in self.tallies.items() if one.samples), key=lambda item: item[0])


def backtest(records: Iterable[Recorded], current: MappingSet, candidate: MappingSet) -> Report:
    """Compare what becomes of each record. Records are read one by one, so that any number will do."""
    report = Report()
    for record in records:
        old = _outcome(record, current)
        if old.problems:
            report.skipped += 1
            continue
        report.records += 1
        _compare(record, old, _outcome(record, candidate), report)
    return report


@dataclass(frozen=True, slots=True)
class _Outcome:
    """payloads: integration → dotted target → value. needs: integration → targets that its provider insists on."""

    problems: Sequence[Problem] = ()
    payloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _outcome(record: Recorded, mappings: MappingSet) -> _Outcome:
    entry = mappings.entry(record.client, record.group, record.entity, record.type)
    if entry is None:
        return _Outcome([Problem(RECORD, "there is no contract for it")])
    values, problems = entry.accepts(record.action).validate(record.data)
    if problems:
        return _Outcome(problems)
    payloads, needs = {}, {}
    for route in entry.leads(record.action):
        mapped = route.map(values)
        if isinstance(mapped, Mapped) and route.program:
            payloads[route.integration.name] = dict(_flat(mapped.payload, ""))
            needs[route.integration.name] = route.program.needs
    return _Outcome((), payloads, needs)


def _compare(record: Recorded, old: _Outcome, new: _Outcome, report: Report) -> None:
    for problem in new.problems:
        sample = Sample(record.name, outlined(record.data.get(problem.field)), problem.message)
        _tally(record, "", problem.field, report).add(Verdict.FAILING, sample)
    if new.problems:
        return
    for integration in old.payloads.keys() | new.payloads.keys():
        before, after = old.payloads.get(integration, {}), new.payloads.get(integration, {})
        for target in before.keys() | after.keys():
            verdict = _verdict(before.get(target), after.get(target), target in new.needs.get(integration, ()))
            sample = Sample(record.name, outlined(before.get(target)), outlined(after.get(target)))
            _tally(record, integration, target, report).add(verdict, sample)


def _verdict(before: Any, after: Any, needed: bool) -> Verdict:
    if before == after and type(before) is type(after):
        return Verdict.UNCHANGED
    if after is None:
        return Verdict.FAILING if needed else Verdict.MISSING
    return Verdict.ADDED if before is None else Verdict.CHANGED


def _flat(payload: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in payload.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _tally(record: Recorded, integration: str, name: str, report: Report) -> Tally:
    subject = ".".join(filter(None, (record.entity, record.type)))
    return report.tallies.setdefault(Place(record.client, record.group, subject, integration, name), Tally())
