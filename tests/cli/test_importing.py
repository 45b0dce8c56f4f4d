"""A large file: in constant memory, and again after a SIGKILL half way with nothing sent twice.

ROUTER_IMPORT_LINES: how many lines it has.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from router.cli.importing import import_
from tests.support.conditions import eventually
from tests.support.dev import ROUTER
from tests.support.shop import Shop, shop_in

LINES = int(os.environ.get("ROUTER_IMPORT_LINES", "8000"))
MIB = 1 << 20


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with shop_in(database_url) as shop:
        yield shop


def people(path: Path, lines: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write("customer_id,name,note\n")
        file.writelines(f'c-{number},Åsa Öberg {number},"two\nlines"\n' for number in range(lines))
    return path


HOW = ("--client", "shop", "--entity", "profile", "--type", "person", "--group", "main")


def imported(shop: Shop, path: Path) -> Result:
    return CliRunner().invoke(import_, [str(path), *HOW], env=dict(shop.environment))


def importing(shop: Shop, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*ROUTER, "import", str(path), *HOW], env={**os.environ, **shop.environment}, stdout=subprocess.PIPE
    )


def finished(process: subprocess.Popen[bytes]) -> tuple[str, int]:
    """What an import said last, and the most memory that it had, in bytes."""
    assert process.stdout
    with process.stdout as output:
        said = output.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    return said.splitlines()[-1], usage.ru_maxrss * 1024


def kept(shop: Shop) -> tuple[int, int]:
    """How many records there are, and how many people they are of."""
    with psycopg.connect(shop.environment["ROUTER_DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*), count(DISTINCT datatalks_id) FROM records").fetchone()
    assert row
    return row


def test_a_file_that_is_killed_half_way_and_run_again_is_sent_once(shop: Shop, tmp_path: Path) -> None:
    path = people(tmp_path / "people.csv", LINES)
    first = importing(shop, path)
    eventually(lambda: kept(shop)[0] >= LINES // 2 or first.poll() is not None, within=600)
    first.kill()
    first.communicate()
    assert first.returncode == -9
    before, _ = kept(shop)
    assert 0 < before < LINES
    said, _ = finished(importing(shop, path))
    assert said == f"{LINES - before:,} accepted, {before:,} already accepted earlier, 0 refused"
    assert kept(shop) == (LINES, LINES)


def test_what_was_refused_is_told_until_an_import_says_otherwise(shop: Shop, tmp_path: Path) -> None:
    path, rejects = tmp_path / "people.csv", tmp_path / "people.csv.rejects.csv"
    path.write_text("customer_id,name\n,Ada\n", encoding="utf-8")
    assert imported(shop, path).output.splitlines()[-1] == f"why each line was refused stands in {rejects}"
    told = rejects.read_text(encoding="utf-8")
    assert told.startswith("line,reasons\n2,customer_id: ")
    path.write_bytes(b"\xff")
    assert (imported(shop, path).exit_code, rejects.read_text(encoding="utf-8")) == (1, told)
    assert imported(shop, people(path, 1)).exit_code == 0
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_not_replaced_by_one(shop: Shop, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = people(tmp_path / "people.csv", 1)
    result = CliRunner().invoke(import_, [str(path), *HOW, "--rejects", str(pipe)], env=dict(shop.environment))
    assert result.exit_code == 2
    assert f"{pipe} is not a file, and would be replaced by one" in result.output
    assert pipe.is_fifo()


def test_ten_times_the_lines_take_no_more_memory(shop: Shop, tmp_path: Path) -> None:
    few, many = LINES // 10, LINES
    _, of_few = finished(importing(shop, people(tmp_path / "few.csv", few)))
    _, of_many = finished(importing(shop, people(tmp_path / "many.csv", many)))
    print(f"{few:,} lines: {of_few / MIB:.1f} MiB, {many:,} lines: {of_many / MIB:.1f} MiB")
    assert of_many < of_few + 16 * MIB
