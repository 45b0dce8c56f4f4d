"""EmbeddedPostgres: its data outlive crashes, and it runs for whoever asks."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from router.cli.embedded import EmbeddedError, EmbeddedPostgres
from router.cli.process import Identity, unprivileged
from tests.support.conditions import eventually

IDENTITIES = [unprivileged()] if os.geteuid() != 0 else [Identity.NAMESPACE, Identity.NOBODY]


@pytest.fixture
def server(run_dir, tmp_path_factory):
    server = EmbeddedPostgres(run_dir / tmp_path_factory.mktemp("pg").name)
    yield server
    server.stop()


def write(server: EmbeddedPostgres, word: str) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", (word,))


def words(server: EmbeddedPostgres) -> list[str]:
    with psycopg.connect(server.url) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM words")]


def setting(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return row[0]


def test_what_was_committed_survives_sigkill(server):
    server.start()
    write(server, "kept")
    url = server.url
    server.kill()
    server.start()
    assert words(server) == ["kept"]
    assert server.url == url


def test_it_comes_back_while_clients_of_the_killed_server_are_still_connected(server):
    server.start()
    with psycopg.connect(server.url):
        server.kill()
        server.start()
        write(server, "new")


def test_a_stop_lets_no_client_delay_it(server):
    server.start()
    with closing(psycopg.connect(server.url)) as client:
        client.execute("SELECT 1")
        server.stop()
    assert not server.running


def test_restart_keeps_data_and_url(server):
    server.start()
    write(server, "kept")
    url = server.url
    server.restart()
    assert (words(server), server.url) == (["kept"], url)


def test_a_server_left_behind_is_taken_over(server):
    server.start()
    second = EmbeddedPostgres(server.data_dir).start()
    assert second.pid == server.pid
    second.stop()
    eventually(lambda: not server.running)


def test_cleared_it_begins_anew_even_with_a_server_left_behind(server):
    server.start()
    write(server, "old")
    EmbeddedPostgres(server.data_dir).clear()
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT to_regclass('words')").fetchone() == (None,)


def test_a_pid_that_another_program_has_by_now_is_not_taken_for_the_server(server):
    server.start()
    server.kill()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        status = server.data_dir / "postmaster.pid"
        lines = status.read_text().splitlines()
        status.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        server.start()
        server.stop()
        assert stranger.poll() is None


@pytest.mark.parametrize(("name", "value"), [("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "")])
def test_it_is_durable_and_private(postgres, name, value):
    assert setting(postgres, name) == value


def test_lower_and_upper_know_every_script(postgres):
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT lower('ÅSA ÖBERG')").fetchone() == ("åsa öberg",)


def test_an_interrupted_first_start_is_made_anew(server):
    unfinished = server.data_dir.with_name(f"{server.data_dir.name}.new")
    unfinished.mkdir()
    (unfinished / "half").touch()
    server.start()
    assert not unfinished.exists()


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(EmbeddedError, match="choose another directory"):
        EmbeddedPostgres(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_another_major_version_says_what_to_do(tmp_path):
    (tmp_path / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 9, .*router dev --reset"):
        EmbeddedPostgres(tmp_path).start()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(run_dir):
    server = EmbeddedPostgres(run_dir / "broken", settings={"shared_buffers": "much"})
    with pytest.raises(EmbeddedError, match=r"(?s)instead of starting; the end of .*broken\.log:\n.*shared_buffers"):
        server.start()


@pytest.mark.parametrize("name", ["long" * 30, 'with space, comma and "quote"'], ids=["long", "odd"])
def test_any_path_has_a_socket(run_dir, name):
    with EmbeddedPostgres(run_dir / name / "pg") as server:
        write(server, "here")
        (directory,) = psycopg.conninfo.conninfo_to_dict(server.url)["host"].split(",")
    assert not (Path(directory) / ".s.PGSQL.5432").exists()


@pytest.mark.parametrize("identity", IDENTITIES)
def test_each_way_of_not_being_root_serves_one_directory(run_dir, identity):
    with EmbeddedPostgres(run_dir / "identities", identity=identity) as server:
        write(server, identity.value)
        assert identity.value in words(server)


CHILD = """
import os, sys, psycopg
from router.cli.embedded import EmbeddedPostgres, EmbeddedValkey
with EmbeddedPostgres(sys.argv[1] + "/pg") as pg, EmbeddedValkey(sys.argv[1] + "/valkey") as valkey:
    pg.restart()
    with psycopg.connect(pg.url) as connection:
        print(os.geteuid() != 0, connection.execute("SELECT 1").fetchone(), valkey.running)
"""


def test_a_normal_user_needs_nothing_special(tmp_path):
    launch = Path(sys.modules["router.cli.process"].__file__).with_name("launch.py")
    home = tmp_path / "home"
    home.mkdir()
    identity = Identity.SELF
    if os.geteuid() == 0:
        identity = Identity.NOBODY
        os.chown(home, 65534, 65534)
    become = [sys.executable, "-I", "-S", launch, "15", str(os.getpid()), identity.value]
    child = [*become, sys.executable, "-c", CHILD, home]
    ran = subprocess.run(child, capture_output=True, text=True, cwd=Path.cwd(), timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("True (1,) True\n", "")


OWNER = """
import sys, time
from router.cli.embedded import EmbeddedPostgres
print(EmbeddedPostgres(sys.argv[1]).start().pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells a child of its parent's death on Linux only")
def test_it_stops_in_good_order_when_its_owner_is_killed(run_dir):
    data = run_dir / "owned"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, data], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout.readline().strip().isdigit()
        owner.kill()
    eventually(lambda: not (data / "postmaster.pid").exists())
    with EmbeddedPostgres(data):
        assert "was not properly shut down" not in data.with_name("owned.log").read_text()
