"""The directory of `router dev`: one owner, and files that scripts can rely on."""

from __future__ import annotations

import json
import stat

import pytest

from router.cli.dev.home import Home, InUse


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "data")
    home.take()
    return home


def test_a_second_owner_is_told_who_has_it(home):
    with pytest.raises(InUse, match=r"pid \d+\) is running in .*--data"):
        Home(home.path).take()


def test_what_an_earlier_run_left_is_no_sign_of_life(tmp_path):
    (tmp_path / "dev.json").write_text("{}")
    (tmp_path / "dev.env").write_text("")
    Home(tmp_path).take()
    assert not (tmp_path / "dev.json").exists()
    assert not (tmp_path / "dev.env").exists()


def test_its_state_is_whole_and_for_its_owner_alone(home):
    home.show({"pids": {"web": 1}})
    home.show({"pids": {"web": 2}})
    file = home.path / "dev.json"
    assert json.loads(file.read_text()) == {"pids": {"web": 2}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_credentials_are_kept_until_cleared(home):
    home.keep({"access_key_id": "AKIA"})
    assert home.kept() == {"access_key_id": "AKIA"}
    home.clear()
    assert home.kept() == {}


def test_the_environment_is_one_setting_a_line(home):
    home.show_environment({"ROUTER_PORT": "8080", "ROUTER_BROKER_URL": "redis://127.0.0.1:1/0"})
    assert (home.path / "dev.env").read_text() == "ROUTER_BROKER_URL=redis://127.0.0.1:1/0\nROUTER_PORT=8080\n"
