"""What `router dev` does, step by step."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from router import logs
from router.catalog import facts
from router.cli.dev import accounts, showing
from router.cli.dev.home import Home
from router.cli.dev.mappings import Mappings
from router.cli.dev.programs import ROOT, Planned, Ports, programs
from router.cli.dev.signals import Signals
from router.cli.dev.supervisor import Supervisor
from router.cli.dev.wire import get_json
from router.cli.embedded import EmbeddedPostgres, EmbeddedValkey
from router.cli.embedded.server import Server
from router.config import Config
from router.ledger.base import LedgerError
from router.ledger.migrate import migrate
from router.ledger.postgres import PostgresLedger
from router.queue import queue_names
from router.settings import Settings
from router.vault import Vault

REGION = "eu-west-1"
_START_TIMEOUT = 60.0
_SETTINGS = {"postgres": "ROUTER_DATABASE_URL", "broker": "ROUTER_BROKER_URL"}
Say = Callable[[str], None]


def run(home: Home, port: int, *, reset: bool, demo: bool, say: Say) -> None:
    """Start everything, show it, keep it running until a signal says stop; then stop in order.

    Raises `Interrupted` when the signal comes before all is up; `EmbeddedError`, `NotReady` and `LedgerError` with what
    to do about it when it does not come up.
    """
    begun = time.monotonic()
    logs.configure("error")
    servers = _servers(home)
    if reset:
        for server in servers.values():
            server.clear()
        home.clear()
    ports = Ports.choose(port, say)
    credentials = accounts.new_credentials(home.kept())
    home.keep(credentials)
    supervisor = Supervisor(say)
    with Signals(supervisor.hurry) as signals, _stopped_in_order(supervisor, home, say):
        env = _environment(ports, credentials) | _start_servers(supervisor, servers, signals, say)
        settings = Settings.from_env(env)
        _migrate(settings, say)
        planned = programs(ports, queue_names(facts()), env, home.logs)
        _start(supervisor, [each for each in planned if not each.spare])
        with closing(PostgresLedger(settings.database_url, size=2)) as ledger:
            mappings = Mappings(_mappings_directory(), ledger, say)
            mappings.check()
            vault = Vault(settings.secret_keys)
            credentials = accounts.ensure_keys(ledger, vault, credentials)
            home.keep(credentials)
            supervisor.wait_until_ready(signals, within=_START_TIMEOUT)
            sandboxes = get_json(f"{ports.sandboxes}/_/credentials")["credentials"]
            _give_secrets(ledger, vault, sandboxes)
            say(f" ✔ receiver {ports.receiver}   console {ports.receiver}/console")
            say(f" ✔ provider sandboxes {ports.sandboxes}   ready after {time.monotonic() - begun:.1f} s")
            access = _access(ports, credentials)
            shown = _show(access, ports, ledger, signals, say) if demo else "REQUEST_ID"
            _start(supervisor, [each for each in planned if each.spare])
            supervisor.wait_until_ready(signals, within=_START_TIMEOUT)
            say(f" ✔ Flower {ports.flowers}   log in there and to the console: {_login(credentials)}")
            home.show_environment({name: text for name, text in env.items() if name.startswith("ROUTER_")})
            state = _state(ports, settings, credentials, sandboxes)
            supervisor.on_change = lambda: home.show({**state, "pids": supervisor.pids})
            supervisor.on_change()
            _invite(access, shown[:13], home, say)

            def meanwhile() -> None:
                if mappings.check():
                    _give_secrets(ledger, vault, sandboxes)

            supervisor.run(signals, meanwhile)


def _given(setting: str) -> bool:
    return setting in os.environ or f"{setting}_FILE" in os.environ


def _environment(ports: Ports, credentials: Mapping[str, str]) -> dict[str, str]:
    """What our programs find in their environment, but the servers' addresses."""
    env = dict(os.environ) | {
        "ROUTER_PORT": str(ports.web),
        "ROUTER_LINK_SANDBOX_URL": ports.sandboxes,
        "FLOWER_PORT": str(ports.flower),
        "FLOWER_BASIC_AUTH": credentials["flower_auth"],
        "FLOWER_COOKIE_SECRET": credentials["flower_cookie"],
    }
    for setting, credential in {"ROUTER_SECRET_KEYS": "secret_keys", "ROUTER_OPERATORS": "operators"}.items():
        if not _given(setting):
            env[setting] = credentials[credential]
    env.setdefault("ROUTER_ALLOW_PRIVATE_TARGETS", "true")  # the sandboxes are on this machine
    return env


def _servers(home: Home) -> Mapping[str, Server]:
    return {
        "postgres": EmbeddedPostgres(home.path / "pg", log=home.logs / "postgres.log"),
        "broker": EmbeddedValkey(home.path / "valkey", log=home.logs / "valkey.log"),
    }


def _start_servers(supervisor: Supervisor, servers: Mapping[str, Server], signals: Signals, say: Say) -> dict[str, str]:
    """Start those for which the user has none; their addresses as settings."""
    urls = {}
    for stage, (name, server) in enumerate(servers.items()):
        signals.check()
        if _given(_SETTINGS[name]):
            say(f" ✔ {name:<20} yours     {_SETTINGS[name]}")
            continue
        begun = time.monotonic()
        supervisor.start(name, server, stage=stage)
        urls[_SETTINGS[name]] = server.url
        label, where = f"{server.name} {server.version}", os.path.relpath(server.data_dir)
        say(f" ✔ {label:<20} embedded  {where:<20} {time.monotonic() - begun:.1f} s")
    return urls


def _start(supervisor: Supervisor, planned: Iterable[Planned]) -> None:
    for each in planned:
        supervisor.start(each.name, each.program, stage=each.stage)


def _migrate(settings: Settings, say: Say) -> None:
    before, after = migrate(settings.database_url)
    say(f" ✔ ledger schema {before} → {after}" if before != after else f" ✔ ledger schema {after}")


def _mappings_directory() -> Path:
    here = Path("mappings")
    return here if here.is_dir() else ROOT / "mappings"


def _give_secrets(ledger: PostgresLedger, vault: Vault, sandboxes: Mapping[str, Mapping[str, Any]]) -> None:
    try:
        client = accounts.demo_client(Config(ledger).current().set)
    except LedgerError:  # nothing is in force, which was said
        return
    if client is not None:
        accounts.ensure_secrets(ledger, vault, client, sandboxes)


def _state(
    ports: Ports, settings: Settings, credentials: Mapping[str, str], sandboxes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """`dev.json`, but for the pids."""
    keys = ("access_key_id", "secret_access_key", "public_key", "secret_key", "flower_auth")
    return {
        "receiver": ports.receiver,
        "sandbox": ports.sandboxes,
        "flower": ports.flowers,
        "console": f"{ports.receiver}/console",
        "database_url": settings.database_url,
        "broker_url": settings.broker_url,
        "region": REGION,
        "webhook_secret": sandboxes["webhook"]["secret"],
        **{name: credentials[name] for name in keys},
    }


def _access(ports: Ports, credentials: Mapping[str, str]) -> showing.Access:
    return showing.Access(ports.receiver, REGION, credentials["access_key_id"], credentials["secret_access_key"])


def _login(credentials: Mapping[str, str]) -> str:
    return credentials["flower_auth"].replace(":", " / ")


def _show(access: showing.Access, ports: Ports, ledger: PostgresLedger, signals: Signals, say: Say) -> str:
    def wait(seconds: float) -> None:
        signals.check()
        signals.wait(seconds)

    return showing.show(access, ports.sandboxes, ledger, wait, say)


def _invite(access: showing.Access, request_id: str, home: Home, say: Say) -> None:
    where = os.path.relpath(home.path)
    router = "router" if shutil.which("router") else sys.argv[0]
    say(f"Your turn:\n   {showing.curl(access)}")
    say(f"   {router} trace {request_id}\n   {router} mappings explain mappings/demo/profile.person.yaml SAMPLE.json")
    say(
        f"Ctrl-C stops all; data stays in {where}/ (`router dev --reset` clears), logs are in {where}/logs/.\n"
        "Own servers: set ROUTER_DATABASE_URL and ROUTER_BROKER_URL. Not for production as it is."
    )


@contextmanager
def _stopped_in_order(supervisor: Supervisor, home: Home, say: Say) -> Iterator[None]:
    try:
        yield
    finally:
        say("Stopping ...")
        supervisor.stop()
        home.forget()
        say("Stopped.")
