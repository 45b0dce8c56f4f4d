from __future__ import annotations

import pytest

from router.vault import Unreadable, Vault


def test_any_key_opens_and_the_first_one_seals() -> None:
    old, new = Vault.new_key(), Vault.new_key()
    sealed = Vault([old]).seal("s3cret")
    both = Vault([new, old])
    assert both.open(sealed) == "s3cret"
    assert Vault([new]).open(both.renew(sealed)) == "s3cret"


def test_without_its_key_a_secret_stays_shut() -> None:
    sealed = Vault([Vault.new_key()]).seal("s3cret")
    for action in (Vault([Vault.new_key()]).open, Vault([Vault.new_key()]).renew):
        with pytest.raises(Unreadable, match="ROUTER_SECRET_KEYS"):
            action(sealed)
