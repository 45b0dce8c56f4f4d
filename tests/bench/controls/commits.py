"""One-row commits, one after the other: what this machine's disk and PostgreSQL allow a pipeline that batches
nothing."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass

import psycopg

from tests.bench import usage
from tests.bench.people import person


@dataclass(frozen=True, slots=True)
class Committed:
    """rows committed, seconds that took, and seconds of PostgreSQL's CPU."""

    rows: int
    seconds: float
    cpu: float


def commit(url: str, postgres: int, seconds: float) -> Committed:
    """On one connection, for so long. postgres: the server's process id."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_commits (id uuid PRIMARY KEY, data text, at timestamptz DEFAULT now())"
        )
        cpu, began, rows = usage.cpu([postgres]), time.monotonic(), 0
        while time.monotonic() - began < seconds:
            text = json.dumps(person(rows))
            connection.execute("INSERT INTO bench_commits (id, data) VALUES (%s, %s)", (uuid.uuid4(), text))
            rows += 1
        took, cpu = time.monotonic() - began, usage.cpu([postgres]) - cpu
        connection.execute("DROP TABLE bench_commits")
    return Committed(rows, took, cpu)
