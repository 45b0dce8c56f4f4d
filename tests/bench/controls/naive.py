"""The pipeline that a good team writes first: Flask, Celery and PostgreSQL, one message and one commit for each step.

The same signatures, validation, identity, durability and destinations as the product; a stored state for every
delivery; retries by Celery. No chunks: a record costs a message to be planned, and a message, a read, a call and a
commit for each destination. Run as `gunicorn … tests.bench.controls.naive:app` and
`celery -A tests.bench.controls.naive:celery worker`.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import flask
import psycopg
import requests
from celery import Celery, Task
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from router.http.sigv4 import SignatureError, SignedRequest, derive, verify
from router.http.wire import signed_request
from tests.bench.controls.wire_formats import PROVIDERS

DATABASE, BROKER, SINK = (os.environ.get(f"NAIVE_{name}", "") for name in ("DATABASE_URL", "BROKER_URL", "SINK_URL"))
KEY, SECRET = os.environ.get("NAIVE_KEY", ""), os.environ.get("NAIVE_SECRET", "")

app = flask.Flask(__name__)
celery = Celery("naive", broker=BROKER)
celery.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


class Person(Schema):
    class Meta:
        unknown = EXCLUDE

    customer_id = fields.String(required=True)
    email = fields.Email(allow_none=True, load_default=None)
    first_name = fields.String(allow_none=True, load_default=None)
    last_name = fields.String(allow_none=True, load_default=None)
    phone = fields.String(allow_none=True, load_default=None)
    postal_code = fields.String(allow_none=True, load_default=None)
    city = fields.String(allow_none=True, load_default=None)
    birth_date = fields.Date(allow_none=True, load_default=None)


SCHEMAS = {"person": Person()}
GROUPS = {"main_group": tuple(PROVIDERS)}


@cache
def pool() -> ConnectionPool[psycopg.Connection[Any]]:
    """Of this process: the first to ask is after the fork."""
    return ConnectionPool(DATABASE, min_size=1, max_size=8, kwargs={"autocommit": False}, open=True)


@cache
def session() -> requests.Session:
    return requests.Session()


@lru_cache(16)
def _derived(date: str, region: str) -> bytes:
    return derive(SECRET, date, region)


def _signing_key(access_key_id: str, date: str, region: str) -> bytes | None:
    return _derived(date, region) if access_key_id == KEY else None


@app.post("/v2/profiles")
def profiles() -> Any:
    request_id = uuid.uuid4()
    body = flask.request.get_data()
    signed: SignedRequest = signed_request(flask.request.environ, body)
    try:
        verify(signed, _signing_key, datetime.now(UTC), ("eu-west-1",))
    except SignatureError as error:
        return {"message": error.message}, 403
    wrapper = flask.request.get_json()
    schema, group = SCHEMAS.get(wrapper.get("type")), wrapper.get("groupKey")
    if schema is None or group not in GROUPS:
        return _answer(False, ["unknown type or groupKey"], request_id, None), 400
    try:
        data = schema.dump(schema.load(wrapper["data"]))
    except ValidationError as error:
        return _answer(False, [str(error)], request_id, None), 400
    with pool().connection() as connection:
        row = connection.execute(
            "INSERT INTO identities VALUES ('bench', 'profile', %s, %s, %s) ON CONFLICT (client, entity, type, hard_id)"
            " DO UPDATE SET hard_id = excluded.hard_id RETURNING datatalks_id",
            (wrapper["type"], data["customer_id"], uuid.uuid4()),
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO requests (id, client, group_key, type, datatalks_id, data)"
            " VALUES (%s, 'bench', %s, %s, %s, %s)",
            (request_id, group, wrapper["type"], row[0], Jsonb(data)),
        )
    route.delay(str(request_id))
    return _answer(True, [""], request_id, row[0])


def _answer(
    success: bool, messages: list[str], request_id: uuid.UUID, datatalks_id: uuid.UUID | None
) -> dict[str, Any]:
    found = datatalks_id and str(datatalks_id)
    return {
        "success": success,
        "messages": messages,
        "requestId": str(request_id),
        "datatalksId": found,
        "key": KEY,
    }


@celery.task
def route(request_id: str) -> None:
    """Make a delivery for each integration of the group."""
    with pool().connection() as connection:
        row = connection.execute("SELECT group_key, data FROM requests WHERE id = %s", (request_id,)).fetchone()
        assert row is not None
        deliveries = {uuid.uuid4(): name for name in GROUPS[row[0]]}
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO deliveries (id, request_id, integration, payload) VALUES (%s, %s, %s, %s)",
                [(id, request_id, name, Jsonb(PROVIDERS[name].body(row[1]))) for id, name in deliveries.items()],
            )
    for id in deliveries:
        deliver.delay(str(id))


@celery.task(bind=True, max_retries=8)
def deliver(self: Task[Any, Any], delivery_id: str) -> None:
    """Send one delivery, and keep what became of it."""
    with pool().connection() as connection:
        row = connection.execute(
            "SELECT request_id, integration, payload, status FROM deliveries WHERE id = %s", (delivery_id,)
        ).fetchone()
    assert row is not None
    request_id, integration, payload, status = row
    if status == "delivered":
        return
    provider = PROVIDERS[integration]
    try:
        answer = session().post(SINK + provider.path, json=payload, headers=provider.headers, timeout=20)
        answer.raise_for_status()
        answer.json()
    except (requests.RequestException, ValueError) as error:
        raise self.retry(exc=error, countdown=2**self.request.retries) from error
    with pool().connection() as connection:
        connection.execute("SELECT FROM requests WHERE id = %s FOR UPDATE", (request_id,))
        connection.execute(
            "UPDATE deliveries SET status = 'delivered', http_status = %s, attempts = attempts + 1, finished_at = now()"
            " WHERE id = %s",
            (answer.status_code, delivery_id),
        )
        connection.execute(
            "UPDATE requests SET status = 'completed', completed_at = now() WHERE id = %(id)s AND NOT EXISTS"
            " (SELECT FROM deliveries WHERE request_id = %(id)s AND status <> 'delivered')",
            {"id": request_id},
        )
