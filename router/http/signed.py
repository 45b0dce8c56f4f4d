"""The way of a signed call, from bytes to a kept request: v1, v2 and v3, production and staging (api.md §2, §3, §4)."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from urllib.parse import parse_qsl

from werkzeug.exceptions import TooManyRequests, UnsupportedMediaType
from werkzeug.http import parse_options_header

from router.accept import BadCall, Call, accept
from router.http import sigv4
from router.http.answers import Answer, five
from router.http.services import Services
from router.http.wire import Inbound, raw_target, signed_request
from router.http.wrapper import Form, Submission, unwrap, unwrap_lines
from router.ledger.base import AccessKey
from router.model import Action, Entity, Environment, Idempotency

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


class Format(Enum):
    """How the records are written down."""

    JSON = "application/json"
    LINES = "application/x-ndjson"


BAD_TYPE = f"The Content-Type must be {Format.JSON.value} or {Format.LINES.value}, in UTF-8."


@dataclass(frozen=True, slots=True)
class Route:
    """What a path and method stand for."""

    surface: str
    path: str
    entity: Entity
    form: Form
    methods: Sequence[str] = ("POST",)


def submit(services: Services, inbound: Inbound, route: Route, staged: bool) -> Answer:
    """Take a call in: 200 when it is kept, an exception that `errors` knows otherwise."""
    inbound.surface = route.surface
    settings = services.settings
    format = _format(inbound.environ.get("CONTENT_TYPE", ""))
    limit = settings.max_ndjson_body if format is Format.LINES else settings.max_body
    key, body = authenticate(services, inbound, limit)
    wait_for_turn(services, key.client)
    submission = _unwrapped(services, inbound, route, format, body)
    environment = inbound.environment(staged)
    call = Call(
        request_id=inbound.request_id,
        client=key.client,
        credential=key.access_key_id,
        environment=environment,
        surface=route.surface,
        entity=route.entity,
        action=Action.DELETE if inbound.method == "DELETE" else Action.UPSERT,
        type=submission.type,
        group=submission.group,
        records=submission.records,
        pins=(submission.pin,) if submission.pin else (),
        many=submission.many,
        idempotency=idempotency(inbound, environment, body),
        faults=submission.faults,
    )
    kept = accept(call, services.config.current(), services.ledger)
    id_text = str(kept.request_id) if kept.replayed else inbound.id_text
    return five(
        200,
        id_text,
        key=key.access_key_id,
        datatalks_ids=kept.datatalks_ids,
        many=submission.many,
        headers=(("X-Request-Id", id_text), ("Idempotent-Replayed", "true")) if kept.replayed else (),
    )


def authenticate(services: Services, inbound: Inbound, limit: int) -> tuple[AccessKey, bytes]:
    """The key that signed the call, and the body it signed. Raises `SignatureError`, `RequestEntityTooLarge`."""
    body = inbound.body(limit)
    keys = services.access_keys
    signed = signed_request(inbound.environ, body)
    access_key_id = sigv4.verify(signed, keys.signing_key, services.now(), services.settings.regions)
    key = keys.find(access_key_id)
    if key is None:
        raise sigv4.SignatureError(sigv4.MISMATCH, "the access key ended a moment ago")
    inbound.client, inbound.credential = key.client, access_key_id
    keys.used(access_key_id)
    return key, body


def wait_for_turn(services: Services, client: str) -> None:
    """Raises `TooManyRequests` when the client has used up its rate, which all receivers share."""
    rate = services.settings.client_rate
    if rate and (wait := services.ledger.take_turn(client, rate)):
        raise TooManyRequests(retry_after=math.ceil(wait))


def idempotency(inbound: Inbound, environment: Environment, body: bytes, of: str = "") -> Idempotency | None:
    """The Idempotency-Key with all that it stands for; raises `BadCall` when it is none. of: which part of the call."""
    key = idempotency_key(inbound)
    if key is None:
        return None
    stands_for = f"{environment}\n{inbound.method}\n{raw_target(inbound.environ)}\n".encode()
    return Idempotency(f"{key} {of}" if of else key, hashlib.sha256(stands_for + body).digest())


def idempotency_key(inbound: Inbound) -> str | None:
    """The key alone; raises `BadCall` when it is none."""
    key: str | None = inbound.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _KEY.fullmatch(key):
        raise BadCall(["Idempotency-Key: must be 1 to 255 printable ASCII characters without spaces"])
    return key


def _unwrapped(services: Services, inbound: Inbound, route: Route, format: Format | None, body: bytes) -> Submission:
    if format is None:
        raise UnsupportedMediaType(BAD_TYPE)
    if inbound.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("The Content-Encoding is not understood; send the body as it is.")
    if format is Format.LINES:
        return unwrap_lines(services.reader.read_lines(body), _query(inbound), route.form)
    return unwrap(services.reader.read(body), route.form)


def _query(inbound: Inbound) -> Mapping[str, str]:
    """Of a name that is given twice, the first."""
    pairs = parse_qsl(inbound.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return dict(reversed(pairs))


@lru_cache(256)
def _format(content_type: str) -> Format | None:
    """None: not one that is read here, or not in UTF-8."""
    kind, options = parse_options_header(content_type)
    if options.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        return None
    return next((format for format in Format if format.value == kind.lower()), None)
