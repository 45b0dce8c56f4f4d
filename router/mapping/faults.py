"""What is wrong with a mapping file, and exactly where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

LONGEST = 500  # a message may quote the file


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong. An error keeps a set from being published, a warning does not.

    >>> str(Fault("demo/contact.yaml", 12, 7, "unknown transform 'trimm' (did you mean 'trim'?)"))
    "demo/contact.yaml:12:7: unknown transform 'trimm' (did you mean 'trim'?)"
    """

    file: str
    line: int
    column: int
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return f"{self.file}:{self.line}:{self.column}: {warning}{self.message}"


class Broken(Exception):
    """A set that cannot be used. `faults` has every one, in the order of the files."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(slots=True)
class Sheet:
    """Collects faults while files are read, so that all are told at once; the same fault is told once."""

    faults: set[Fault] = field(default_factory=set)

    def error(self, at: Mark, message: str) -> None:
        self._add(at, message, Severity.ERROR)

    def warn(self, at: Mark, message: str) -> None:
        self._add(at, message, Severity.WARNING)

    def _add(self, at: Mark, message: str, severity: Severity) -> None:
        told = message if len(message) <= LONGEST else f"{message[:LONGEST]} …"
        self.faults.add(Fault(at.file, at.line, at.column, told, severity))

    def told(self) -> list[Fault]:
        """All faults, by file, line and column."""
        return sorted(self.faults)

    def errors(self) -> list[Fault]:
        return [fault for fault in self.told() if fault.severity is Severity.ERROR]


def suggest(word: str, known: Iterable[str]) -> str:
    """What to append to "unknown …": the nearest known word, or all of them where they are few.

    >>> suggest("trimm", ["trim", "title"])
    " (did you mean 'trim'?)"
    >>> suggest("x", ["hold", "retry"])
    ' (known: hold, retry)'
    """
    words = list(known)
    if near := get_close_matches(word, words, n=1, cutoff=0.6):
        return f" (did you mean '{near[0]}'?)"
    if not words:
        return " (there are none)"
    return f" (known: {', '.join(words)})" if len(words) <= 16 else ""
