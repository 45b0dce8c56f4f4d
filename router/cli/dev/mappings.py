"""The mapping files of this directory: put in force when they are right, told when they are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from router.ledger.base import LedgerError, Registry
from router.mapping import Broken, Source, digest, files_in, read_tree
from router.publish import publish

Stamp = frozenset[tuple[str, int, int]]


class Mappings:
    """Looks at the files now and then; what is broken leaves the last good set in force."""

    def __init__(self, directory: Path, registry: Registry, say: Callable[[str], None]) -> None:
        self.directory = directory
        self._registry = registry
        self._say = say
        self._seen: Stamp | None = None

    def check(self) -> bool:
        """Publish the files if they have changed since the last look, and say what came of it; whether it was done."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        try:
            done = self._publish()
        except LedgerError:  # it is away for a moment; the next look tries again
            return False
        self._seen = stamp
        return done

    def _publish(self) -> bool:
        in_force = self._in_force()
        try:
            sources = read_tree(self.directory)
            if in_force == digest(sources):
                self._say(f" ✔ mappings: {_counted(sources)}, {in_force[:15]}… is in force")
                return False
            published = publish(self._registry, sources, "router dev", f"from {self.directory}")
        except (Broken, FileNotFoundError) as broken:
            kept = f"{in_force[:15]}… stays in force" if in_force else "and none is in force"
            self._say(f" ! mappings not published, {kept}; they are tried again when they change\n{_indented(broken)}")
            return False
        self._say(f" ✔ mappings: {_counted(sources)}, 0 errors, published {published.digest[:15]}…")
        return True

    def _in_force(self) -> str | None:
        publication = self._registry.publication()
        return publication.digest if publication else None

    def _stamp(self) -> Stamp:
        files = (file for file in files_in(self.directory) if file.is_file())
        return frozenset((str(file), (found := file.stat()).st_mtime_ns, found.st_size) for file in files)


def _counted(sources: Sequence[Source]) -> str:
    return f"{len(sources)} file{'s' * (len(sources) != 1)}"


def _indented(error: Exception) -> str:
    return "\n".join(f"   {line}" for line in str(error).splitlines())
