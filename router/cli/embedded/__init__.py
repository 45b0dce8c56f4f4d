"""PostgreSQL and Valkey without Docker or root's help: the servers of the `embedded` extra, or those on PATH."""

from __future__ import annotations

from router.cli.embedded.binaries import BinaryMissing
from router.cli.embedded.errors import EmbeddedError
from router.cli.embedded.postgres import EmbeddedPostgres
from router.cli.embedded.valkey import EmbeddedValkey

__all__ = ["BinaryMissing", "EmbeddedError", "EmbeddedPostgres", "EmbeddedValkey"]
