"""The mapping set in force and the destinations' numbers, as every process holds them: seconds old, never broken."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from router import logs
from router.catalog import facts
from router.ledger.base import LedgerError, Publication, Registry
from router.mapping import Broken, Integration, MappingSet, Source, compile_set
from router.model import Destination
from router.vault import Vault

REFRESH = 2.0
KEPT_SETS = 8
_NONE = "no mapping set is published; run `router mappings publish`"
_BROKEN = "mapping set number {} cannot be loaded, and there was none before it; `router mappings rollback` to another"
ROUTE, CALLBACK = "route", "callback"

log = logs.get(__name__)


class NothingPublished(LedgerError):
    """No mapping set is in force yet."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment's configuration."""

    publication: Publication
    set: MappingSet
    destinations: Mapping[int, Destination]
    _numbers: Mapping[tuple[str, str, str], int]

    def number(self, client: str, group: str, integration: str) -> int | None:
        """A destination's number. Routing is ("", `ROUTE`) of a client, callbacks `CALLBACK` of a group."""
        return self._numbers.get((client, group, integration))

    def has(self, number: int) -> bool:
        """Whether the set has what this destination's number stands for."""
        place = self.destinations.get(number)
        return place is not None and (place.kind != "deliver" or self.integration(number) is not None)

    def integration(self, number: int) -> Integration | None:
        """The integration behind a destination's number, while the set has it."""
        place = self.destinations.get(number)
        group = self.set.groups(place.client).get(place.group) if place else None
        return group.integrations.get(place.integration) if place and group else None


class Secrets(Mapping[str, str]):
    """A client's secrets, opened as they are asked for."""

    def __init__(self, registry: Registry, vault: Vault, client: str) -> None:
        self._registry = registry
        self._vault = vault
        self._client = client

    def __getitem__(self, name: str) -> str:
        """Raises `LookupError`, which says how to set it, and `vault.Unreadable`."""
        sealed = self._registry.secret(self._client, name)
        if sealed is None:
            raise LookupError(f"secret '{name}' is not set; run `router secrets set {self._client} {name}`")
        return self._vault.open(sealed)

    def __contains__(self, name: object) -> bool:
        return True  # a missing one is told better by __getitem__

    def __iter__(self) -> Iterator[str]:
        return (name for _, name, _ in self._registry.secrets(self._client))

    def __len__(self) -> int:
        return len(self._registry.secrets(self._client))


class Config:
    """Loads what was published. A set that cannot be loaded is told once, and the one before stays in use."""

    def __init__(self, registry: Registry, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._sets: OrderedDict[str, MappingSet] = OrderedDict()
        self._snapshot: Snapshot | None = None
        self._due = 0.0
        self._bad: int | None = None

    def current(self) -> Snapshot:
        """The configuration in force, at most `REFRESH` seconds old while the ledger answers. Raises `LedgerError`."""
        snapshot = self._snapshot
        if snapshot is not None and self._clock() < self._due:
            return snapshot
        with self._lock:
            if self._snapshot is None or self._clock() >= self._due:
                self._refresh()
            if self._snapshot is None:
                raise NothingPublished(_NONE if self._bad is None else _BROKEN.format(self._bad))
            return self._snapshot

    def renewed(self) -> Snapshot:
        """The configuration in force at this moment, if the ledger answers. Raises `LedgerError`."""
        with self._lock:
            self._due = self._clock()
        return self.current()

    def set_of(self, digest: str) -> MappingSet:
        """A published set by its digest, compiled. Raises `LedgerError` when it is unknown."""
        found = self._sets.get(digest)
        if found is not None:
            return found
        documents = self._registry.documents_of(digest)
        if documents is None:
            raise LedgerError(f"mapping set {digest} is not in the ledger")
        compiled = compile_set([Source(path, text) for path, text in sorted(documents.items())], facts())
        self._sets[digest] = compiled
        while len(self._sets) > KEPT_SETS:
            self._sets.popitem(last=False)
        return compiled

    def _refresh(self) -> None:
        try:
            publication = self._registry.publication()
        except LedgerError:
            if self._snapshot is None:
                raise
            self._due = self._clock() + REFRESH
            return
        self._due = self._clock() + REFRESH
        known = self._snapshot.publication.number if self._snapshot else None
        if publication is None or publication.number in {known, self._bad}:
            return
        try:
            loaded = self.set_of(publication.digest)
        except Broken as broken:
            self._bad = publication.number
            log.error("mapping set not loadable, the previous one stays", number=publication.number, faults=str(broken))
            return
        destinations = self._registry.destinations()
        numbers = {(d.client, d.group, d.integration): number for number, d in destinations.items()}
        self._snapshot = Snapshot(publication, loaded, destinations, numbers)
