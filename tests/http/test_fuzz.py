"""No input of any kind gets a 500: whatever is sent, the answer is one that the interface knows."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.shop import PUBLIC, SECRET_KEY
from tests.http.test_wrapper import JSON, WRAPPERS

RECORDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("customer_id", "email", "born", "tags", "score", "event_id", "line", "item_id", "x"), JSON),
)
BODIES = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda wrapper, type, data: json.dumps({**wrapper, "type": type, "data": data}).encode(),
        WRAPPERS,
        st.sampled_from(["person", "purchase_ev", "product_a", "robot"]),
        RECORDS | st.lists(RECORDS, max_size=3),
    ),
)
TYPES = st.sampled_from(["application/json", "application/x-ndjson", "text/plain", "application/json; charset=x", ""])
SIGNED = st.sampled_from(
    ["/v1/contacts", "/v1/events", "/v1/products", "/v2/profiles", "/v3/events", "/staging/v2/inventory"]
)
KNOWN = {200, 204, 400, 401, 403, 404, 405, 413, 415, 422}
PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@PATIENT
@given(SIGNED, BODIES, TYPES, st.sampled_from(["POST", "DELETE", "PUT"]), st.booleans())
def test_signed_calls(shop, path, body, content_type, method, keyed):
    headers = {"Content-Type": content_type} | ({"Idempotency-Key": "k"} if keyed else {})
    response = shop.call(method, path, body, headers=headers)
    assert response.status_code in KNOWN
    assert sorted(set(response.json()) - {"datatalksIds"}) == ["datatalksId", "key", "messages", "requestId", "success"]


@PATIENT
@given(
    st.dictionaries(
        st.sampled_from(["status", "since", "limit", "cursor", "type", "datatalksId", "x"]), st.text(max_size=8)
    )
)
def test_lists(shop, query):
    response = shop.get("/v2/requests?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()))
    assert response.status_code in {200, 400}


ITEMS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            *(
                "external_id",
                "anonymous_id",
                "name",
                "event",
                "data",
                "properties",
                "traits",
                "user",
                "distinct_id",
                "email",
            ),
            *(
                "device_id",
                "os",
                "model",
                "app_build",
                "app_version",
                "type",
                "userId",
                "context",
                "timestamp",
                "user_id",
            ),
        ),
        st.text(max_size=3) | JSON,
    ),
)


@PATIENT
@given(
    st.sampled_from(
        ["alias", "identify", "devices", "events", "segment", "track", "users", "notifications", "nothing"]
    ),
    st.sampled_from(["POST", "PATCH", "DELETE", "GET", "PUT", "OPTIONS"]),
    st.one_of(
        st.binary(max_size=40), (ITEMS | st.lists(ITEMS, max_size=3)).map(lambda value: json.dumps(value).encode())
    ),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "x"]),
    st.sampled_from(["identity", "gzip", "deflate", "br"]),
    st.sampled_from([PUBLIC, SECRET_KEY]),
)
def test_the_client_api(receiver, path, method, body, content_type, encoding, key):
    connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=10)
    headers = {"Content-Type": content_type, "Content-Encoding": encoding, "Authorization": f"Bearer {key}"}
    connection.request(method, f"/api/client/{path}?user_id=x", body, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status in KNOWN


@pytest.mark.parametrize(
    "header", ["Authorization", "X-Amz-Date", "Content-Type", "Content-Encoding", "Cookie", "Origin"]
)
@PATIENT
@given(value=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30))
def test_headers(receiver, header, value):
    for path in ("/v2/profiles", "/api/client/identify", "/v2/requests", "/nowhere"):
        connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=10)
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", "2")
        connection.putheader(header, value.encode("latin-1"))
        connection.endheaders(b"{}")
        response = connection.getresponse()
        response.read()
        connection.close()
        assert response.status in KNOWN
