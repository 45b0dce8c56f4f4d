"""How long a key is remembered, and that one which does not exist costs as much as one which does."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from router.http.auth import MOST_REMEMBERED, REMEMBERED, AccessKeys, BearerKeys, Memory
from router.http.sigv4 import derive
from router.ledger.base import AccessKey, ClientApiKey, Unavailable
from router.ledger.memory import MemoryLedger
from router.vault import Vault

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY, REGION = "20260102", "eu-west-1"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_look_up_is_remembered_for_a_while():
    clock, asked = Clock(), []

    def find(name: str) -> str | None:
        asked.append(name)
        return None if name == "nobody" else name.upper()

    memory = Memory(find, clock)
    assert [memory.get(name) for name in ("ada", "nobody", "ada", "nobody")] == ["ADA", None, "ADA", None]
    assert asked == ["ada", "nobody"]
    clock.now += REMEMBERED
    assert (memory.get("ada"), asked) == ("ADA", ["ada", "nobody", "ada"])


def test_a_look_up_that_fails_is_not_remembered():
    failing = [True]

    def find(name: str) -> str:
        if failing.pop():
            failing.append(False)
            raise LookupError
        return name

    memory = Memory(find, Clock())
    with pytest.raises(LookupError):
        memory.get("ada")
    assert memory.get("ada") == "ada"


def test_guesses_do_not_fill_the_memory():
    memory = Memory(lambda name: name, Clock())
    for guess in range(MOST_REMEMBERED + 10):
        memory.get(guess)
    assert len(memory._kept) <= MOST_REMEMBERED


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def ledger(vault) -> MemoryLedger:
    ledger = MemoryLedger()
    for name, how in {
        "good": {},
        "later": {"expires_at": NOW + timedelta(seconds=1)},
        "expired": {"expires_at": NOW},
        "revoked": {"revoked_at": NOW},
    }.items():
        ledger.add_access_key(AccessKey(name, "shop", vault.seal(f"secret of {name}"), NOW, **how))
    return ledger


@pytest.mark.parametrize("name", ["good", "later"])
def test_the_signing_key_of_a_key_that_counts(ledger, vault, name):
    keys = AccessKeys(ledger, vault, lambda: NOW)
    assert keys.signing_key(name, DAY, REGION) == derive(f"secret of {name}", DAY, REGION)


@pytest.mark.parametrize("name", ["nobody", "expired", "revoked", ""])
def test_a_key_that_does_not_count_has_no_signing_key(ledger, vault, name):
    keys = AccessKeys(ledger, vault, lambda: NOW)
    assert (keys.find(name), keys.signing_key(name, DAY, REGION)) == (None, None)


def test_a_rotated_secret_is_derived_anew(ledger, vault):
    keys = AccessKeys(ledger, vault, lambda: NOW)
    keys.signing_key("good", DAY, REGION)
    ledger.add_access_key(AccessKey("other", "shop", vault.seal("another secret"), NOW))
    assert keys.signing_key("other", DAY, REGION) == derive("another secret", DAY, REGION)
    assert keys.signing_key("good", DAY, "eu-north-1") == derive("secret of good", DAY, "eu-north-1")


def test_a_use_is_noted_once_a_minute(vault):
    noted: list[str] = []

    class Noting(MemoryLedger):
        def touch_access_keys(self, used):
            noted.extend(used)

    keys = AccessKeys(Noting(), vault, lambda: NOW)
    for name in ("good", "good", "other"):
        keys.used(name)
    assert noted == ["good", "other"]


def test_a_use_that_cannot_be_noted_does_no_harm(vault):
    class Away(MemoryLedger):
        def touch_access_keys(self, used):
            raise Unavailable("away")

    AccessKeys(Away(), vault, lambda: NOW).used("good")


def test_bearer_keys():
    ledger = MemoryLedger()
    for token, how in {"pk_good": {}, "pk_gone": {"revoked_at": NOW}}.items():
        key = ClientApiKey(token, "shop", "main_group", "public", NOW, **how)
        ledger.add_client_api_key(key, hashlib.sha256(token.encode()).digest())
    keys = BearerKeys(ledger)
    found = [keys.find(token) for token in ("pk_good", "pk_gone", "pk_none", "pk_\udc80")]
    assert [key.name if key else None for key in found] == ["pk_good", None, None, None]
