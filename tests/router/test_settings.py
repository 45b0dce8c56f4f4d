from __future__ import annotations

from pathlib import Path

import pytest

from router.settings import BadSettings, Settings
from router.vault import Vault

GOOD = {
    "ROUTER_DATABASE_URL": "postgresql://router:pw@db/router",
    "ROUTER_BROKER_URL": "redis://broker:6379/0",
    "ROUTER_SECRET_KEYS": f"{Vault.new_key()},{Vault.new_key()}",
}


def test_what_is_given_is_read_and_the_rest_has_defaults() -> None:
    settings = Settings.from_env({**GOOD, "ROUTER_PORT": "9", "ROUTER_LINK_SANDBOX_URL": "http://s", "HOME": "/"})
    assert (settings.port, settings.web_threads, len(settings.secret_keys)) == (9, 8, 2)
    assert settings.links == {"sandbox_url": "http://s"}


def test_the_platforms_names_serve_where_ours_are_absent() -> None:
    given = {"DATABASE_URL": "postgres://a/b", "CLOUDAMQP_URL": "amqp://c", "PORT": "80", "WEB_CONCURRENCY": "3"}
    settings = Settings.from_env({**given, "ROUTER_SECRET_KEYS": GOOD["ROUTER_SECRET_KEYS"], "ROUTER_PORT": "81"})
    assert (settings.broker_url, settings.port, settings.web_workers) == ("amqp://c", 81, 3)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("postgresql://from-a-file/x\n")
    given = {name: value for name, value in GOOD.items() if name != "ROUTER_DATABASE_URL"}
    assert Settings.from_env({**given, "ROUTER_DATABASE_URL_FILE": str(path)}).database_url.startswith(
        "postgresql://from"
    )


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({"ROUTER_PORT": "x", "ROUTER_LEASE": "0", "ROUTER_BROKER_URL": "redis+cluster://a"})
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "ROUTER_BROKER_URL",
        "ROUTER_DATABASE_URL",
        "ROUTER_LEASE",
        "ROUTER_PORT",
        "ROUTER_SECRET_KEYS",
    ]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ROUTER_DATABASE_URL", "mysql://x", "begin with postgresql://"),
        ("ROUTER_BROKER_URL", "redis+cluster://x", "Redis Cluster cannot carry Celery"),
        ("ROUTER_BROKER_URL", "kafka://x", "unknown kind"),
        ("ROUTER_BROKER_URL", "sentinel://a:26379;sentinel://b:26379", "?master_name=NAME"),
        ("ROUTER_METRICS_TOKEN", "guess", "16 characters or more"),
        ("ROUTER_SECRET_KEYS", "short", "key 1 is not 32 url-safe base64 bytes"),
        ("ROUTER_SECRET_KEYS_FILE", "/nowhere", "cannot be read"),
        ("ROUTER_LOG_LEVEL", "loud", "not one of debug"),
        ("ROUTER_PORT", "70000", "not a port"),
        ("ROUTER_TRUSTED_PROXIES", "10.0.0.0/8,nginx", "'nginx' is neither an address nor a network"),
    ],
)
def test_a_fault_says_what_to_do(name: str, value: str, told: str) -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({**GOOD, name: value})
    assert [told in fault and name in fault for fault in caught.value.faults] == [True]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("ROUTER_OPERATOR_WEBHOOK", "ROUTER_OPERATOR_WEBHOOK_SECRET"),
        ("ROUTER_OPERATOR_WEBHOOK_SECRET", "ROUTER_OPERATOR_WEBHOOK"),
    ],
)
def test_settings_that_need_each_other(given: str, missing: str) -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({**GOOD, given: "x"})
    assert caught.value.faults == (f"{missing}: missing; set it together with {given}",)


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr(Settings.from_env(GOOD))
    assert "pw" not in shown
    assert GOOD["ROUTER_SECRET_KEYS"].split(",")[0] not in shown
