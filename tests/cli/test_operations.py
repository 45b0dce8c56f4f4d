"""What operators and support staff type when something is stuck, failed, or asked about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from router.model import Planned, State, delivery_id
from router.vault import Unreadable, Vault
from tests.support.shop import KEY, RENAMED, WITHOUT_CRM, Shop, shop_in

DEAD, UNKNOWN = State.DEAD, State.UNKNOWN


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with shop_in(database_url) as opened:
        yield opened


# ---- integrations ----------------------------------------------------------------------------------------------------


def test_integrations_are_listed_with_what_waits(shop: Shop) -> None:
    shop.accept("Ada", "Bea")
    shop.plan()
    assert shop.ok("integrations", "list") == [
        "shop/main/crm          2 waiting      0 in flight  ok",
        "shop/main/mail         2 waiting      0 in flight  ok",
        "shop/north/crm         0 waiting      0 in flight  ok",
    ]
    assert shop.ok("integrations", "list", "nobody") == []


def test_what_is_paused_parks_and_comes_out_again(shop: Shop) -> None:
    assert shop.ok("integrations", "pause", "shop/main/crm") == ["1 paused"]
    assert shop.ok("integrations", "pause", "shop/main/crm") == ["0 paused"]
    request = shop.request()
    assert shop.states(request) == ["crm: parked", "mail: delivered"]
    assert "paused since" in shop.ok("integrations", "list")[0]
    assert "(cli)" in shop.ok("integrations", "list")[0]
    assert shop.ok("integrations", "resume", "shop") == ["1 resumed"]
    shop.work()
    assert shop.states(request) == ["crm: delivered", "mail: delivered"]


def test_resuming_closes_a_breaker(shop: Shop) -> None:
    number = next(place.number for place in shop.ledger.places() if place.group == "north")
    shop.ledger.switch(number, "closed", "open", 1, "30 of 30 deliveries failed")
    assert "breaker open since" in (line := shop.ok("integrations", "list")[2])
    assert "30 of 30 deliveries failed" in line
    assert shop.ok("integrations", "resume", "shop/north") == ["1 resumed"]
    assert shop.ok("integrations", "list")[2].endswith("catching up")


def test_draining_waits_for_what_is_in_flight(shop: Shop) -> None:
    shop.accept()
    shop.plan()
    assert "drained" in shop.ok("integrations", "drain", "shop/north")[0]
    shop.ok("integrations", "resume", "shop")
    shop.start()
    assert "1 deliveries are still in flight" in shop.fails("integrations", "drain", "shop/main/crm", "--timeout", "0")
    assert "paused since" in shop.ok("integrations", "list")[0]


@pytest.mark.parametrize("command", ["pause", "resume", "drain"])
def test_an_integration_that_is_not(shop: Shop, command: str) -> None:
    said = shop.fails("integrations", command, "shop/main/crn")
    assert "there is no integration 'shop/main/crn'; known: shop/main/crm, shop/main/mail, shop/north/crm" in said


# ---- letters ---------------------------------------------------------------------------------------------------------


def test_letters_are_what_failed(shop: Shop) -> None:
    request = shop.request(crm=DEAD, mail=UNKNOWN)
    dead, unknown = (
        next(each["deliveryId"] for each in shop.deliveries(request) if each["integration"] == name)
        for name in ("crm", "mail")
    )
    assert sorted(shop.ok("letters")) == sorted(
        [
            f"{dead}  dead     shop/main/crm  profile person  no such field",
            f"{unknown}  unknown  shop/main/mail  profile person  no answer",
            "2 shown",
        ]
    )


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), 3),
        (("--integration", "shop/main"), 2),
        (("--integration", "shop/main/crm", "--integration", "shop/north"), 2),
        (("--state", "dead"), 2),
        (("--state", "unknown,delivered"), 1),
        (("--reason", "NO ANSWER"), 1),
        (("--entity", "profile", "--type", "person"), 3),
        (("--entity", "event"), 0),
        (("--type", "robot"), 0),
        (("--since", "2026-01-01"), 3),
        (("--until", "2026-01-01"), 0),
        (("--delivery", str(UUID(int=8))), 0),
        (("--limit", "1"), 1),
    ],
    ids=lambda each: " ".join(each) or "all" if isinstance(each, tuple) else "",
)
def test_letters_by_filter(shop: Shop, filters: tuple[str, ...], found: int) -> None:
    shop.request(crm=DEAD, mail=UNKNOWN)
    shop.request(group="north", crm=DEAD)
    assert shop.ok("letters", *filters)[-1] == f"{found} shown"


def test_letters_of_a_request_by_a_shortened_id(shop: Shop) -> None:
    request, _ = (str(shop.request(crm=DEAD)) for _ in range(2))
    assert shop.ok("letters", "--request", request[:-2])[-1] == "1 shown"
    assert "no request begins with" in shop.fails("letters", "--request", str(uuid4()))


def test_letters_for_a_program(shop: Shop) -> None:
    request = shop.request(crm=DEAD)
    (letter,) = (json.loads(line) for line in shop.ok("letters", "--json"))
    assert letter["request_id"] == str(request)
    assert (letter["integration"], letter["state"], letter["attempts"]) == ("crm", "dead", 1)
    assert letter["finished_at"].startswith("20")


def test_a_state_that_is_none(shop: Shop) -> None:
    said = shop.fails("letters", "--state", "lost", status=2)
    assert "'lost' is not a state" in said


# ---- replay, resolve, cancel -----------------------------------------------------------------------------------------


def payloads(shop: Shop, request: UUID) -> list[str]:
    with psycopg.connect(shop.environment["ROUTER_DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT payload FROM deliveries WHERE request_id = %s ORDER BY delivery_id", (request,)
        ).fetchall()
    return [row[0] for row in found]


def test_a_replay_as_it_was(shop: Shop) -> None:
    request = shop.request("Ada", crm=DEAD)
    before = payloads(shop, request)
    shop.publish(RENAMED)
    said = shop.ok("replay", "--yes")
    assert said == ["       1  dead      shop/main/crm", "1 will be sent again"]
    shop.work()
    assert shop.states(request) == ["crm: delivered", "mail: delivered"]
    assert payloads(shop, request) == before
    history = next(each for each in shop.deliveries(request) if each["integration"] == "crm")["history"]
    assert [(each["outcome"], "(cli)" in each.get("by", "")) for each in history] == [
        ("rejected", False),
        ("replayed", True),
        ("delivered", False),
    ]


def test_a_replay_with_the_current_mapping_shows_what_differs(shop: Shop) -> None:
    request = shop.request("Ada", "Bea", crm=DEAD, mail=DEAD)
    shop.publish(RENAMED)
    said = shop.ok("replay", "--mapping", "current", "--yes")
    assert said == [
        "       2  dead      shop/main/crm",
        "       2  dead      shop/main/mail",
        "       2  unchanged by the current mapping",
        "       2  differ in crm: name",
        "4 will be sent again",
    ]
    assert sorted(json.loads(text)["name"] for text in payloads(shop, request)) == ["ADA", "Ada", "BEA", "Bea"]


def test_what_the_current_mapping_leaves_out_is_not_sent(shop: Shop) -> None:
    request = shop.request(crm=DEAD)
    shop.publish(WITHOUT_CRM)
    said = shop.ok("replay", "--mapping", "current", "--yes")
    assert said[-2:] == ["       1  not sent: today's mapping does not send it there", "0 will be sent again"]
    assert shop.states(request) == ["crm: dead", "mail: delivered"]


def test_what_was_never_mapped_is_sent_with_the_current_mapping_only(shop: Shop) -> None:
    request = shop.accept().request_id
    crm = next(number for number, place in shop.ledger.destinations().items() if place.name == "shop/main/crm")
    (hint,) = shop.ledger.claim(1)
    (record,) = shop.ledger.start_route(hint.hint_id, "tests", 30.0)
    set_aside = Planned(delivery_id(record.record_id, crm), record.record_id, crm, "", DEAD, reason="our fault")
    shop.ledger.planned(hint.hint_id, [set_aside])
    assert shop.ok("letters")[0].endswith("shop/main/crm  profile person  our fault")
    assert shop.ok("replay", "--yes") == [
        "       1  dead      shop/main/crm",
        "       1  not sent: never mapped; send them with --mapping current",
        "0 will be sent again",
    ]
    assert shop.ok("replay", "--mapping", "current", "--yes")[-1] == "1 will be sent again"
    shop.work()
    assert shop.states(request) == ["crm: delivered"]


def test_a_replay_asks_first(shop: Shop) -> None:
    request = shop.request(crm=DEAD)
    refused = shop.run("replay", said="n\n")
    assert (refused.exit_code, shop.states(request)) == (1, ["crm: dead", "mail: delivered"])
    assert "1 will be sent again" in shop.ok("replay", said="y\n")[-1]


def test_delivered_ones_are_replayed_by_time(shop: Shop) -> None:
    request = shop.request()
    assert shop.ok("replay", "--state", "delivered", "--since", "2026-01-01", "--yes")[-1] == "2 will be sent again"
    assert shop.states(request) == ["crm: pending", "mail: pending"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--yes",), 1, "no delivery matches"),
        (("--state", "pending", "--yes"), 2, "only ended deliveries can be replayed, and pending is not"),
        (("--state", "lost", "--yes"), 2, "'lost' is not a state"),
    ],
    ids=["nothing", "not ended", "no state"],
)
def test_a_replay_of_nothing(shop: Shop, arguments: tuple[str, ...], status: int, words: str) -> None:
    shop.accept()
    shop.plan()
    assert words in shop.fails("replay", *arguments, status=status)


@pytest.mark.parametrize(
    ("how", "said", "then"), [("delivered", "are delivered", "delivered"), ("again", "will be sent again", "pending")]
)
def test_an_unknown_one_is_resolved(shop: Shop, how: str, said: str, then: str) -> None:
    request = shop.request(crm=UNKNOWN)
    ids = [each["deliveryId"] for each in shop.deliveries(request)]
    assert shop.ok("resolve", f"--{how}", *ids) == [f"1 {said}"]
    assert shop.states(request) == [f"crm: {then}", "mail: delivered"]


def test_resolving_needs_an_answer(shop: Shop) -> None:
    assert "say --delivered or --again" in shop.fails("resolve", str(uuid4()), status=2)


def test_what_was_not_sent_is_cancelled(shop: Shop) -> None:
    kept = shop.accept("Ada", "Bea")
    shop.plan()
    said = shop.ok("cancel", "--integration", "shop/main/crm", "--yes")
    assert said == ["       2  pending   shop/main/crm", "2 cancelled"]
    shop.work()
    assert shop.states(kept.request_id) == ["crm: cancelled", "crm: cancelled", "mail: delivered", "mail: delivered"]
    assert shop.document(kept.request_id)["status"] == "completed"


# ---- trace and audit -------------------------------------------------------------------------------------------------


def test_a_trace_by_a_shortened_id(shop: Shop) -> None:
    request = shop.request("Ada", mail=DEAD)
    lines = shop.ok("trace", str(request)[:20])
    assert lines[0] == f"{request}  completed_with_errors  main/profile/person  production"
    assert any("✔ crm  delivered" in line for line in lines)
    at = next(number for number, line in enumerate(lines) if "✘ mail  dead" in line)
    assert lines[at + 1].endswith("attempt 1: rejected in 12 ms  no such field")
    assert lines[-1].endswith("completed_with_errors")


def test_a_trace_tells_a_replay_apart_from_an_attempt(shop: Shop) -> None:
    request = shop.request(crm=DEAD)
    shop.ok("replay", "--yes")
    shop.work()
    told = [
        line.split(" ms", 1)[1].strip()
        for line in shop.ok("trace", str(request))
        if "attempt" in line or "replayed" in line
    ]
    assert [line.split(" in ")[0] for line in told if "crm" not in line]
    story = "\n".join(told)
    assert "replayed by " in story
    assert "attempt 1: rejected" in story
    assert "attempt 2: delivered" in story


def test_a_trace_for_a_program(shop: Shop) -> None:
    request = shop.request()
    assert json.loads("\n".join(shop.ok("trace", str(request), "--json"))) == shop.document(request)


def test_a_shortened_id_that_is_not_enough(shop: Shop) -> None:
    first, second = sorted(str(shop.request()) for _ in range(2))
    said = shop.fails("trace", first[:4])
    assert "could be any of these; give more of it" in said
    assert first in said
    assert second in said


def test_a_request_that_is_not(shop: Shop) -> None:
    assert "no request begins with 'ffff'" in shop.fails("trace", "ffff")


def test_the_ledger_balances(shop: Shop) -> None:
    shop.request("Ada", "Bea", crm=DEAD)
    assert shop.ok("audit") == [
        "2 records accepted, 4 deliveries expected",
        "           2  dead",
        "           2  delivered",
        "the ledger balances",
    ]
    assert shop.ok("audit", "--until", "2026-01-01") == [
        "0 records accepted, 0 deliveries expected",
        "the ledger balances",
    ]


def test_a_difference_is_named(shop: Shop) -> None:
    kept = shop.accept()
    shop.plan()
    with psycopg.connect(shop.environment["ROUTER_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DELETE FROM due WHERE request_id = %s", (kept.request_id,))
    told = json.loads(shop.fails("audit", "--json"))
    assert told["difference"] == len(told["differences"]) > 0
    assert "differences" in shop.fails("audit")


# ---- keys and secrets ------------------------------------------------------------------------------------------------


def test_an_access_key_from_its_making_to_its_end(shop: Shop) -> None:
    shown = dict(line.split() for line in shop.ok("keys", "create", "shop")[:2])
    key = shown["ACCESS_KEY_ID"]
    kept = shop.ledger.access_key(key)
    assert kept is not None
    assert Vault([KEY]).open(kept.secret) == shown["SECRET_ACCESS_KEY"]
    assert f"{key}  shop  active" in shop.ok("keys", "list", "shop")[0]
    assert shop.ok("keys", "list", "nobody") == []
    assert shop.ok("keys", "revoke", key) == [f"{key} is revoked"]
    assert "revoked 20" in shop.ok("keys", "list")[0]
    assert "there is no active key" in shop.fails("keys", "revoke", key)


def test_an_access_key_that_ends_by_itself(shop: Shop) -> None:
    shop.ok("keys", "create", "shop", "--expires-in-days", "3")
    assert "expires 20" in shop.ok("keys", "list")[0]


def test_a_client_api_key(shop: Shop) -> None:
    key = shop.ok("keys", "create", "shop", "--bearer", "public", "--group", "main")[0].split()[1]
    assert key.startswith("pk_")
    assert shop.ok("keys", "list") == [f"{key[:11]}…  shop/main  public  active"]
    assert shop.ok("keys", "revoke", key[:11]) == [f"{key[:11]} is revoked"]
    assert "--bearer needs --group" in shop.fails("keys", "create", "shop", "--bearer", "secret", status=2)


def test_secrets_are_set_and_listed_and_never_shown(shop: Shop) -> None:
    assert "shop/crm is set" in shop.ok("secrets", "set", "shop", "crm", said="a-canary\n")[-1]
    assert "shop/mail is set" in shop.ok("secrets", "set", "shop", "mail", "--from-file", "-", said="another\n")[-1]
    listed = shop.ok("secrets", "list")
    assert [line.split()[0] for line in listed] == ["shop/crm", "shop/mail"]
    assert "canary" not in "".join(listed)
    sealed = shop.ledger.secret("shop", "crm")
    assert sealed is not None
    assert Vault([KEY]).open(sealed) == "a-canary"


def test_rotation_leaves_nothing_to_the_older_key(shop: Shop) -> None:
    shop.ok("secrets", "set", "shop", "crm", said="a-canary\n")
    shop.ok("keys", "create", "shop")
    newer = Vault.new_key()
    rotated = shop.run("secrets", "rotate", env={"ROUTER_SECRET_KEYS": f"{newer},{KEY}"})
    assert rotated.output == "2 secrets are encrypted with the newest key; older keys may go\n"
    sealed = shop.ledger.secret("shop", "crm")
    assert sealed is not None
    assert Vault([newer]).open(sealed) == "a-canary"
    with pytest.raises(Unreadable):
        Vault([KEY]).open(sealed)
    assert "opens with none of ROUTER_SECRET_KEYS" in shop.fails("secrets", "rotate")
