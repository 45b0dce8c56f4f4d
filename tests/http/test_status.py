"""What a client may look up, and that it sees nothing of another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
import requests

from router.http import sigv4
from tests.http.signing import ACCESS_KEY
from tests.http.told import kept, refused

PATH = "/v2/requests"
NAMES = "status, groupKey, entity, type, datatalksId, integration, since, until, limit, cursor"


def sent(caller, path="/v2/profiles", **changes):
    """A kept request, as it was answered."""
    return kept(caller.post(path, {"type": "person", "data": {"customer_id": str(uuid4())}} | changes))


def listed(caller, query: str) -> list[str]:
    """The ids on the first page of a list."""
    response = caller.get(f"{PATH}?{query}")
    assert response.status_code == 200
    return [each["requestId"] for each in response.json()["requests"]]


def test_a_document(shop):
    answer = sent(shop)
    response = shop.get(f"{PATH}/{answer['requestId']}")
    document = response.json()
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert document.pop("receivedAt").endswith("Z")
    assert document.pop("mappingVersion").startswith("sha256:")
    assert document == {
        "requestId": answer["requestId"],
        "status": "accepted",
        "environment": "production",
        "groupKey": "main_group",
        "entity": "profile",
        "type": "person",
        "completedAt": None,
        "records": [{"index": 0, "datatalksId": answer["datatalksId"], "deliveries": []}],
    }


@pytest.mark.parametrize("prefix", ["", "/staging"])
def test_another_clients_request_is_unknown(shop, other, prefix):
    request_id = sent(shop)["requestId"]
    told = other.get(f"{prefix}{PATH}/{request_id}")
    refused(told, 404, f"There is no request {request_id}.", key=other.access_key)
    assert request_id not in listed(other, "limit=200")


def test_a_request_that_never_was(shop):
    request_id = uuid4()
    refused(shop.get(f"{PATH}/{request_id}"), 404, f"There is no request {request_id}.")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/{UUID(int=7)}", f"/staging{PATH}"])
def test_status_is_for_those_who_sign(receiver, path):
    refused(requests.get(receiver.url + path), 403, sigv4.MISSING_TOKEN, key=None)


# ---- lists -----------------------------------------------------------------------------------------------------------


def test_the_newest_comes_first_and_pages_follow_one_another(shop):
    sent_ids = [sent(shop)["requestId"] for _ in range(5)]
    found, cursor = [], ""
    while len(found) < 5:
        page = shop.get(f"{PATH}?limit=2{cursor}").json()
        found += [each["requestId"] for each in page["requests"]]
        cursor = f"&cursor={page['nextCursor']}"
    assert found[:5] == sent_ids[::-1]


def test_the_last_page_has_no_cursor(shop):
    only = sent(shop)["datatalksId"]
    assert shop.get(f"{PATH}?datatalksId={only}&limit=1").json()["nextCursor"] is None


def test_filters(shop, other):
    first = sent(shop)
    between = quote(datetime.now(UTC).isoformat())
    second = sent(shop, "/v2/inventory", type="product_a", data={"item_id": str(uuid4())})
    one, two = first["requestId"], second["requestId"]
    found = {
        query: {one, two} & set(listed(shop, query))
        for query in (
            "limit=50",
            "status=accepted",
            "status=completed",
            "groupKey=main_group",
            "groupKey=north",
            "entity=profile",
            "type=product_a",
            f"datatalksId={first['datatalksId']}",
            f"since={between}",
            f"until={between}",
            f"since={between}&type=person",
            "integration=crm",
        )
    }
    assert found == {
        "limit=50": {one, two},
        "status=accepted": {one, two},
        "status=completed": set(),
        "groupKey=main_group": {one, two},
        "groupKey=north": set(),
        "entity=profile": {one},
        "type=product_a": {two},
        f"datatalksId={first['datatalksId']}": {one},
        f"since={between}": {two},
        f"until={between}": {one},
        f"since={between}&type=person": set(),
        "integration=crm": set(),
    }


def test_rejected_calls_are_listed_too(shop):
    request_id = shop.post("/v2/profiles", {"type": "person", "data": {}}).json()["requestId"]
    assert request_id in listed(shop, "status=rejected")


FAULTS = {
    "colour=red": [f"colour: not a filter; use {NAMES}"],
    "status=lost": ["status: must be one of accepted, completed, completed_with_errors, rejected"],
    "entity=robot": ["entity: must be one of profile, event, inventory, device, alias, contact, product"],
    "type=": ["type: is empty; leave it out instead"],
    "type=a%00": ["type: must not contain the character U+0000"],
    "datatalksId=1": ["datatalksId: must be a UUID"],
    "since=yesterday": ["since: must be a time such as 2026-01-31T08:00:00Z"],
    "until=9999-12-31T23:59:59-23:59": ["until: must be a time such as 2026-01-31T08:00:00Z"],
    "limit=0": ["limit: must be a number from 1 to 200"],
    "limit=201": ["limit: must be a number from 1 to 200"],
    "limit=%C2%B2": ["limit: must be a number from 1 to 200"],
    "cursor=next": ["cursor: must be a UUID"],
    "limit=x&cursor=y": ["limit: must be a number from 1 to 200", "cursor: must be a UUID"],
}


@pytest.mark.parametrize(("query", "messages"), FAULTS.items(), ids=FAULTS.keys())
def test_a_fault_in_a_query(shop, query, messages):
    refused(shop.get(f"{PATH}?{query}"), 400, *messages, key=ACCESS_KEY)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-31"])
def test_the_ends_of_time(shop, moment):
    assert shop.get(f"{PATH}?since={moment}").status_code == 200
    assert shop.get(f"{PATH}?until={moment}").status_code == 200


def test_a_day_is_enough(shop):
    request_id = sent(shop)["requestId"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert request_id in listed(shop, f"until={tomorrow}")
