"""Keys, secrets, published sets with their destinations, and shared tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from router.ledger.base import AccessKey, ClientApiKey, LedgerError
from router.model import Destination
from tests.ledger.kit import AT, CALLBACKS, ROUTE, Kit, crm, other

KEY = AccessKey("AKIDEXAMPLE", "acme", b"sealed", AT, expires_at=AT + timedelta(days=90))
PUBLIC = ClientApiKey("pk_1234", "acme", "main", "public", AT)
SETS = {"acme/client.yaml": "groups: {}\n", "acme/profile.person.yaml": "# ålder\n"}


# ---- access keys


def test_an_access_key_is_found_as_it_was_added(kit: Kit) -> None:
    kit.ledger.add_access_key(KEY)
    assert kit.ledger.access_key(KEY.access_key_id) == KEY
    assert kit.ledger.access_key("AKIDOTHER") is None


def test_access_keys_are_listed_by_client_in_the_order_of_their_making(kit: Kit) -> None:
    younger = replace(KEY, access_key_id="AKIDAAA", created_at=AT + timedelta(days=1))
    foreign = replace(KEY, access_key_id="AKIDBBB", client="umbrella")
    for key in (younger, foreign, KEY):
        kit.ledger.add_access_key(key)
    assert kit.ledger.access_keys("acme") == [KEY, younger]
    assert len(kit.ledger.access_keys()) == 3


def test_an_access_key_cannot_be_replaced(kit: Kit) -> None:
    kit.ledger.add_access_key(KEY)
    with pytest.raises(LedgerError, match="AKIDEXAMPLE already"):
        kit.ledger.add_access_key(replace(KEY, client="umbrella"))
    assert kit.ledger.access_keys("umbrella") == []


def test_an_access_key_is_revoked_once(kit: Kit) -> None:
    kit.ledger.add_access_key(KEY)
    assert [kit.ledger.revoke_access_key(KEY.access_key_id) for _ in range(2)] == [True, False]
    assert not kit.ledger.revoke_access_key("AKIDOTHER")
    revoked = kit.ledger.access_key(KEY.access_key_id)
    assert revoked is not None
    assert revoked.revoked_at is not None


def test_when_a_key_was_used_last_is_noted(kit: Kit) -> None:
    kit.ledger.add_access_key(KEY)
    kit.ledger.touch_access_keys([KEY.access_key_id, "AKIDOTHER"])
    (key,) = kit.ledger.access_keys()
    assert key.last_used_at is not None


# ---- client API keys


def test_a_client_api_key_is_found_by_its_digest(kit: Kit) -> None:
    kit.ledger.add_client_api_key(PUBLIC, b"digest")
    assert kit.ledger.client_api_key(b"digest") == PUBLIC
    assert kit.ledger.client_api_key(b"other") is None
    assert kit.ledger.client_api_keys("acme") == [PUBLIC]
    assert kit.ledger.client_api_keys("umbrella") == []


@pytest.mark.parametrize(("name", "digest"), [("pk_1234", b"other"), ("pk_5678", b"digest")], ids=["name", "digest"])
def test_a_client_api_key_cannot_be_replaced(kit: Kit, name: str, digest: bytes) -> None:
    kit.ledger.add_client_api_key(PUBLIC, b"digest")
    with pytest.raises(LedgerError, match="already"):
        kit.ledger.add_client_api_key(replace(PUBLIC, name=name), digest)


def test_a_client_api_key_is_revoked_once(kit: Kit) -> None:
    kit.ledger.add_client_api_key(PUBLIC, b"digest")
    assert [kit.ledger.revoke_client_api_key("pk_1234") for _ in range(2)] == [True, False]
    found = kit.ledger.client_api_key(b"digest")
    assert found is not None
    assert found.revoked_at is not None


# ---- secrets and tokens


def test_a_secret_is_kept_and_replaced(kit: Kit) -> None:
    kit.ledger.set_secret("acme", "api_key", b"first")
    kit.ledger.set_secret("acme", "api_key", b"second")
    assert kit.ledger.secret("acme", "api_key") == b"second"
    assert kit.ledger.secret("acme", "other") is None
    assert kit.ledger.secret("umbrella", "api_key") is None


def test_secrets_are_listed_without_their_values(kit: Kit) -> None:
    kit.ledger.set_secret("umbrella", "b", b"1")
    kit.ledger.set_secret("acme", "b", b"2")
    kit.ledger.set_secret("acme", "a", b"3")
    assert [each[:2] for each in kit.ledger.secrets()] == [("acme", "a"), ("acme", "b"), ("umbrella", "b")]
    assert [each[:2] for each in kit.ledger.secrets("umbrella")] == [("umbrella", "b")]


def test_the_version_grows_with_every_secret_that_is_set(kit: Kit) -> None:
    versions = [kit.ledger.secrets_version()]
    for client, name in [("acme", "a"), ("acme", "a"), ("acme", "b"), ("umbrella", "a"), ("acme", "a")]:
        kit.ledger.set_secret(client, name, b"value")
        versions.append(kit.ledger.secrets_version())
    assert versions == sorted(set(versions))


def test_secrets_and_access_keys_are_sealed_anew(kit: Kit) -> None:
    kit.ledger.set_secret("acme", "api_key", b"secret")
    kit.ledger.add_access_key(KEY)
    assert kit.ledger.reseal(lambda sealed: sealed[::-1]) == 2
    key = kit.ledger.access_key(KEY.access_key_id)
    assert key is not None
    assert (kit.ledger.secret("acme", "api_key"), key.secret) == (b"terces", b"delaes")


def test_a_token_is_shared_until_the_next(kit: Kit) -> None:
    assert kit.ledger.token("acme/crm") is None
    kit.ledger.keep_token("acme/crm", b"first", AT)
    kit.ledger.keep_token("acme/crm", b"second", AT + timedelta(hours=1))
    assert kit.ledger.token("acme/crm") == (b"second", AT + timedelta(hours=1))


# ---- published sets


def publish(kit: Kit, digest: str, *destinations: Destination) -> int:
    return kit.ledger.publish(digest, SETS, destinations or [ROUTE, crm()], "ada", "a reason").number


def test_a_set_is_in_force_once_it_is_published(kit: Kit) -> None:
    publish(kit, "sha256:a")
    published = kit.ledger.publication()
    assert published is not None
    assert (published.digest, published.author, published.message) == ("sha256:a", "ada", "a reason")
    assert kit.ledger.documents_of("sha256:a") == SETS
    assert kit.ledger.documents_of("sha256:b") is None


def test_the_set_in_force_is_not_published_again(kit: Kit) -> None:
    assert publish(kit, "sha256:a") == publish(kit, "sha256:a")


def test_rolling_back_publishes_an_earlier_set_anew(kit: Kit) -> None:
    first, second, third = (publish(kit, digest) for digest in ("sha256:a", "sha256:b", "sha256:a"))
    assert first < second < third
    assert [each.digest for each in kit.ledger.publications(2)] == ["sha256:a", "sha256:b"]


def test_destinations_are_brought_up_to_date_even_when_the_set_is_in_force(kit: Kit) -> None:
    publish(kit, "sha256:a", ROUTE, crm())
    publish(kit, "sha256:a", ROUTE, crm(chunk=7))
    assert kit.ledger.destinations()[kit.numbers["crm"]].chunk == 7


def test_a_destination_keeps_its_number_whatever_else_changes(kit: Kit) -> None:
    number = kit.numbers["crm"]
    changed = crm(
        connector="webhook",
        queue="q",
        account="b",
        chunk=1,
        batch=2,
        max_hints=3,
        requests_per_second=4.0,
        records_per_second=5.0,
        release_rate=6.0,
        order_limit=7.0,
    )
    publish(kit, "sha256:b", ROUTE, other("first"), changed)
    assert kit.ledger.destinations()[number] == changed


def test_numbers_are_not_spent_on_what_is_known(kit: Kit) -> None:
    for number in range(20):
        publish(kit, f"sha256:{number}", ROUTE, CALLBACKS, crm())
    publish(kit, "sha256:new", ROUTE, CALLBACKS, crm(), other("erp"))
    assert max(kit.ledger.destinations()) == max(kit.numbers.values()) + 1


def test_what_is_named_no_more_stays_disabled(kit: Kit) -> None:
    number = kit.numbers["crm"]
    publish(kit, "sha256:b", ROUTE)
    assert kit.ledger.destinations()[number] == crm(enabled=False)
    publish(kit, "sha256:c", ROUTE, crm())
    assert kit.ledger.destinations()[number] == crm()


def test_what_is_disabled_by_its_set_is_disabled(kit: Kit) -> None:
    publish(kit, "sha256:b", ROUTE, crm(enabled=False))
    assert not kit.ledger.destinations()[kit.numbers["crm"]].enabled
