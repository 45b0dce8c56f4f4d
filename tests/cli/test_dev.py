"""`router dev` as scripts use it: one real run, from the first line to the last."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import psycopg
import pytest

from router.cli.dev.wire import call, get_json
from router.cli.process import exists
from tests.support.conditions import eventually
from tests.support.dev import ROUTER, Dev

MEMBERS = {
    "receiver", "sandbox", "flower", "console", "database_url", "broker_url", "access_key_id", "secret_access_key",
    "region", "public_key", "secret_key", "webhook_secret", "flower_auth", "pids",
}  # fmt: skip
PROCESSES = {"postgres", "broker", "web", "worker", "dispatch", "flower", "sandbox"}


def test_its_state_has_every_member_that_scripts_rely_on(dev):
    assert dev.state().keys() == MEMBERS
    assert dev.state()["pids"].keys() >= PROCESSES
    assert all(exists(pid) for pid in dev.state()["pids"].values())


def test_it_showed_a_demo_request_delivered_everywhere_and_called_back(dev):
    lines = dev.said().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("Demo:"))
    assert "200 accepted" in lines[begin + 1]
    delivered = "salesmanago delivered · sendios delivered · digitalonboarding delivered"
    assert lines[begin + 2].strip().startswith(delivered)
    assert lines[begin + 3].strip() == "callback request.completed delivered, signature verified"


@pytest.mark.parametrize(
    ("member", "path", "status"),
    [("receiver", "/healthz", 200), ("sandbox", "/_/providers", 200), ("flower", "/", 401)],
)
def test_its_addresses_answer(dev, member, path, status):
    assert call("GET", dev.state()[member] + path)[0] == status


def test_flower_lets_in_who_has_the_password(dev):
    import base64

    authorization = "Basic " + base64.b64encode(dev.state()["flower_auth"].encode()).decode()
    assert call("GET", dev.state()["flower"], headers={"Authorization": authorization})[0] == 200


def test_commands_in_another_terminal_find_it(dev):
    settings = (dev.data / "dev.env").read_text().splitlines()
    env = {**os.environ, **dict(line.split("=", 1) for line in settings)}
    told = subprocess.run([*ROUTER, "audit", "--json"], env=env, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(told.stdout)["difference"] == 0


@pytest.mark.parametrize("name", ["worker", "dispatch", "web", "sandbox", "broker", "postgres"])
def test_what_is_killed_comes_back_and_is_said(dev, name):
    killed = dev.state()["pids"][name]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: dev.state()["pids"].get(name) not in {killed, None})
    assert f" ! {name} ended (SIGKILL): starting it again" in dev.said()
    with psycopg.connect(dev.state()["database_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    eventually(lambda: answered(dev.state()["receiver"]))


def answered(receiver: str) -> bool:
    try:
        return call("GET", f"{receiver}/readyz")[0] == 200
    except OSError:
        return False


def test_a_second_run_in_the_same_directory_is_refused(dev):
    second = subprocess.run(
        [*ROUTER, "dev", "--data", str(dev.data)], capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert f"pid {dev.process.pid}" in second.stderr


def test_told_to_stop_it_leaves_nothing_running_and_keeps_its_keys(dev):
    before = dev.state()
    assert dev.stop() == 0
    assert not (dev.data / "dev.json").exists()
    assert dev.said().splitlines()[-1] == "Stopped."
    for pid in before["pids"].values():
        eventually(lambda pid=pid: not exists(pid))
    again = Dev(dev.data, "--no-demo")
    try:
        again.wait_until_ready()
        state = again.state()
        assert "Demo:" not in again.said()
        assert {name: state[name] for name in ("access_key_id", "secret_key")} == {
            name: before[name] for name in ("access_key_id", "secret_key")
        }
        assert get_json(f"{state['sandbox']}/_/received")["received"] == []
    finally:
        assert again.stop() == 0


def test_servers_of_ones_own_are_used_and_left_alone(run_dir, database_url, broker_url):
    own = {"ROUTER_DATABASE_URL": database_url, "ROUTER_BROKER_URL": broker_url}
    running = Dev(run_dir / "own", **own)
    try:
        running.wait_until_ready()
        state = running.state()
        assert (state["database_url"], state["broker_url"]) == (database_url, broker_url)
        assert not {"postgres", "broker"} & state["pids"].keys()
        assert "salesmanago delivered" in running.said()
    finally:
        assert running.stop() == 0
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM requests").fetchone() == (1,)


def test_reset_forgets_data_and_keys_of_earlier_runs(run_dir):
    data = run_dir / "reset"
    (data / "pg").mkdir(parents=True)
    (data / "pg" / "PG_VERSION").write_text("9\n")
    (data / "credentials.json").write_text('{"access_key_id": "old"}')
    running = Dev(data, "--reset", ROUTER_LOG_LEVEL="loud")  # which stops it as soon as the servers run
    running.process.wait(60)
    assert (data / "pg" / "PG_VERSION").read_text() != "9\n"
    assert "old" not in (data / "credentials.json").read_text()


def test_a_setting_that_is_malformed_is_told_and_nothing_is_left_running(run_dir):
    running = Dev(run_dir / "malformed", ROUTER_LOG_LEVEL="loud")
    assert running.process.wait(60) == 1
    assert "ROUTER_LOG_LEVEL: not one of debug, info, warning, error" in running.said()
    assert not (run_dir / "malformed" / "pg" / "postmaster.pid").exists()
