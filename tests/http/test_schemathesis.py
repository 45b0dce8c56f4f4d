"""What `/openapi.json` says is what happens: schemathesis makes calls of it, right ones and wrong ones, and holds the
answers to it with all its checks.

ROUTER_SCHEMATHESIS_CASES: how many calls for each operation are made up, beside those at the edges of each schema.
Without it there are few, every tenth at the edges, and none to v3, which is v2 by another name.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import available_timezones

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from requests.auth import AuthBase
from requests.models import PreparedRequest
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from router.catalog import facts
from router.http.body import MAX_LINES
from router.http.openapi import document, of_client
from router.http.openapi.contracts import KEEPABLE
from router.http.preview import PATH as PREVIEW
from router.ledger.postgres import PostgresLedger
from router.mapping import Source, compile_set
from tests.http import shop
from tests.http.demo import CLIENT, FILES, stock
from tests.http.shop import SECRET_KEY, Receiver, serving
from tests.http.signing import ACCESS_KEY, SECRET, Signer

WRAPPER = frozenset({"entity", "type", "groupKey", "group_key", "data", "datatalksId"})
ASKED = os.environ.get("ROUTER_SCHEMATHESIS_CASES")
CASES = int(ASKED or 5)
ONE_IN = 10
EVERYTHING = """
entity: profile
type: everything
hard_id: [id, number, day, moment, email, uuid, choice]
fields:
  id: {type: string}
  number: {type: integer}
  day: {type: date}
  moment: {type: datetime}
  email: {type: email}
  uuid: {type: uuid}
  choice: {type: enum, values: [a, b]}
  text: {type: string}
  whole: {type: integer, optional: true}
  real: {type: number, optional: true}
  money: {type: decimal, optional: true}
  flag: {type: boolean, optional: true}
  date: {type: date, optional: true}
  at: {type: datetime, optional: true, timezone: Europe/Stockholm}
  address: {type: email, optional: true}
  other: {type: uuid, optional: true}
  color: {type: enum, values: [red, green], optional: true}
  days: {type: list, of: date, optional: true}
  amounts: {type: list, of: decimal, optional: true}
  colors: {type: list, of: enum, values: [red, green], optional: true}
"""
PUBLISHED = {**FILES, f"{CLIENT}/profile.everything.yaml": EVERYTHING}
SET = compile_set([Source(path, text) for path, text in PUBLISHED.items()], facts())
DOCUMENT = document(shop.settings("postgresql://nowhere"), of_client(SET, CLIENT), CLIENT)
CONFIG = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False, "allow-x00": False}})


def eased(node: Any) -> Any:
    """The document without what takes minutes to make up: arrays of 10,001 lines, and text from patterns where what is
    made up without them fits as well (no U+0000 is)."""
    if isinstance(node, list):
        return [eased(each) for each in node]
    if not isinstance(node, dict):
        return node
    left_out = {"maxItems"} if node.get("maxItems") == MAX_LINES else set()
    if node.get("format") in ("idn-email", "date", "uuid", "iana-time-zone") or node.get("pattern") == KEEPABLE:
        left_out.add("pattern")
    return {name: eased(each) for name, each in node.items() if name not in left_out}


schema = schemathesis.openapi.from_dict(eased(DOCUMENT), config=CONFIG)
if not ASKED:
    schema = schema.exclude(path_regex="^/v3/")
ZONES = sorted(available_timezones() - {"Factory", "localtime"})
schemathesis.openapi.format("iana-time-zone", st.sampled_from(ZONES))


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> Any:
    """Each item of an array on a line."""
    return "\n".join(json.dumps(each) for each in value).encode() if isinstance(value, list) else json.dumps(value)


def query_of(operation: Any, lines: Any) -> dict[str, str]:
    """The type and group of lines, which are in the query; which of several it is, by what they hold."""
    content = operation["requestBody"]["content"]["application/x-ndjson"]["schema"]
    kinds = content.get("anyOf", [content])
    fitting = [each["title"] for each in kinds if conforms(each, lines)] or [kinds[0]["title"]]
    return {"type": fitting[0], "groupKey": "main_group"}


def written(value: Any) -> Any:
    """With numbers as most write them: to JSON Schema 1e18 is a whole number too, and 1e-300 an amount of money."""
    if isinstance(value, list):
        return [written(each) for each in value]
    if isinstance(value, dict):
        return {name: written(each) for name, each in value.items()}
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 12)
    return value


def conforms(schema: Any, value: Any) -> bool:
    return bool(Draft202012Validator({**schema, "components": DOCUMENT["components"]}).is_valid(value))


def wrapper(value: Any) -> Any:
    """Without what stands beside a wrapper's own members: ignored, but read within limits that no schema can say."""
    return {name: each for name, each in value.items() if name in WRAPPER} if isinstance(value, dict) else value


def is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


class Signing(AuthBase):
    """Signs what is about to leave, whatever was done to it before."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        kept = {name: request.headers[name] for name in ("Content-Type", "Idempotency-Key") if name in request.headers}
        signed = Signer(ACCESS_KEY, SECRET, now=datetime.now(UTC)).headers(request.method, request.url, body, kept)
        request.headers.update({name: signed[name] for name in ("x-amz-date", "authorization")})
        return request


class Bearing(AuthBase):
    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {SECRET_KEY}"
        return request


AUTH = {"sigv4": Signing(), "clientKey": Bearing(), "secretKey": Bearing()}


@pytest.fixture(scope="module")
def receiver(module_database_url: str) -> Iterator[Receiver]:
    ledger = PostgresLedger(module_database_url)
    stock(ledger, PUBLISHED)
    with serving(ledger, shop.settings(module_database_url)) as listening:
        yield listening
    ledger.close()


def make_new(case: schemathesis.Case) -> None:
    """Calls that depend on what was sent before are others' matter: a key that was used, a pin that was taken."""
    case.body = written(case.body)
    if case.path.startswith("/v"):
        case.body = wrapper(case.body)
    zone = case.body.get("timezone") if isinstance(case.body, dict) else None
    if isinstance(zone, str) and case.meta.generation.mode.is_positive:
        case.body["timezone"] = ZONES[len(zone) % len(ZONES)]  # beside null, its format was forgotten
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if isinstance(key, str) and re.fullmatch("[!-~]{1,200}", key):
        case.headers["Idempotency-Key"] = f"{key}{uuid4()}"
    if isinstance(case.body, dict) and "data" in case.body and is_uuid(case.body.get("datatalksId")):
        case.body["datatalksId"] = None
    if case.media_type == "application/x-ndjson":
        case.query = {**(case.query or {}), **query_of(case.operation.definition.raw, case.body)}


NUMBERS: dict[str, Iterator[int]] = defaultdict(count)


@pytest.mark.timeout(0 if ASKED else 120)
@schema.parametrize()
@settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_it_is_as_described(receiver: Receiver, case: schemathesis.Case) -> None:
    rare = next(NUMBERS[case.operation.label]) % ONE_IN != 0
    if rare and not ASKED and case.meta.phase.name is TestPhase.COVERAGE:
        return
    make_new(case)
    needed = case.operation.definition.raw["security"]
    auth = next((AUTH[name] for each in needed for name in each), None)
    # that a call needs its signature is asked with two more calls, and does not depend on the body
    without = [ignored_auth] if rare else []
    if case.path == PREVIEW:  # a wrong record is explained, not refused
        without.append(negative_data_rejection)
    case.call_and_validate(receiver.url, auth=auth, excluded_checks=without)
