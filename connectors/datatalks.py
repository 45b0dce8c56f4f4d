"""Data Talks: our own inbound contract, v2 and v3 as configured, and what there is in v1 alone (contracts.md §5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, validate

from connectors.base import Answer, Command, Kind, Operation, Outcome, Tokens, Wire
from connectors.errors import WireError
from connectors.options import BaseUrl, ConnectorOptions
from connectors.outcomes import excerpt, invalid, of_failure, refused
from connectors.sigv4 import Signer

REGIONS = {"v1": "eu-west-1", "v2": "eu-west-1", "v3": "eu-north-1"}  # not documented; contracts.md §5.1
VERSIONS = ("v2", "v3")
SERVICE = "execute-api"
NO_GROUP = "the integration has no option group_key, and v1 needs it"


@dataclass(frozen=True, slots=True)
class Route:
    """plain: of v1, whose records have a group but no type. listed: the record is sent as a list of one."""

    path: str
    method: str = "POST"
    plain: bool = False
    listed: bool = False


ROUTES: Mapping[str, Route] = {
    "upsert_profile": Route("profiles"),
    "post_event": Route("events"),
    "upsert_item": Route("inventory"),
    "upsert_contact": Route("contacts", plain=True),
    "delete_contact": Route("contacts", "DELETE", plain=True),
    "post_contact_event": Route("events", plain=True),
    "upsert_product": Route("products", plain=True, listed=True),
}

_REFUSED = "the credentials or the address: check the keys, the clock, region, version and base_url"  # §5.4 on why
_ELSEWHERE = (Kind.REFUSED, "base_url is not that of the Data Talks API")
_FAILED = (Kind.RETRYABLE, "the server failed")
MEANING: Mapping[int, tuple[Kind, str]] = {  # contracts.md §5.6
    401: (Kind.REFUSED, _REFUSED),
    403: (Kind.REFUSED, _REFUSED),
    404: _ELSEWHERE,
    405: _ELSEWHERE,
    408: _FAILED,
    425: _FAILED,
    429: (Kind.LIMITED, "told to slow down"),
}
OTHERWISE: Mapping[int, tuple[Kind, str]] = {3: _ELSEWHERE, 4: (Kind.REJECTED, "rejected"), 5: _FAILED}


class Options(ConnectorOptions):
    base_url = BaseUrl(
        load_default="https://api.datatalks.se", metadata={"description": "the API's address without its version"}
    )
    version = fields.String(
        load_default="v2",
        validate=validate.OneOf(VERSIONS),
        metadata={"description": "of the API, for the operations that are not of v1"},
    )
    region = fields.String(
        metadata={"description": "of the signature; eu-west-1 for v1 and v2, eu-north-1 for v3 if unset"}
    )
    access_key_id = fields.String(required=True, metadata={"description": "ACCESS_KEY_ID"})
    secret_access_key = fields.String(
        required=True, metadata={"secret": True, "description": "SECRET_ACCESS_KEY, which signs every request"}
    )
    group_key = fields.String(metadata={"description": "needed by v1, and when the data goes on to SALESmanago"})


def _flat(value: Any) -> None:
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
        raise ValidationError("must be a scalar or a list of scalars")


class Plain(Schema):
    data = fields.Dict(
        keys=fields.String(),
        values=fields.Raw(validate=_flat, allow_none=True),
        required=True,
        metadata={"description": "flat: dates as YYYY-MM-DD, datetimes without a time zone"},
    )


class Entity(Plain):
    type = fields.String(required=True, metadata={"description": "of the data point, as it is named at Data Talks"})
    datatalksId = fields.String(  # noqa: N815 (the wire's name)
        validate=validate.Regexp(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z", error="must be a UUID"),
        metadata={"description": "pins the entity"},
    )


class DataTalks:
    options: ClassVar[type[Schema]] = Options
    masked: ClassVar[frozenset[str]] = frozenset()
    operations: ClassVar[Mapping[str, Operation]] = {  # all of them by hard id
        "upsert_profile": Operation(Entity, frozenset({"profile"}), description="a person, or what else has a profile"),
        "post_event": Operation(Entity, frozenset({"event"}), description="something that happened"),
        "upsert_item": Operation(Entity, frozenset({"inventory"}), description="something that can be bought"),
        "upsert_contact": Operation(Plain, frozenset({"profile"}), description="v1: a contact"),
        "delete_contact": Operation(Plain, frozenset({"profile"}), removes=True, description="v1: delete a contact"),
        "post_contact_event": Operation(Plain, frozenset({"event"}), description="v1: an event of a contact"),
        "upsert_product": Operation(Plain, frozenset({"inventory"}), description="v1: a product"),
    }
    _schemas: ClassVar[Mapping[str, Schema]] = {name: each.fields() for name, each in operations.items()}

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None:  # noqa: ARG002 (the port's)
        self._wire = wire
        self._options = options
        self._group = options.get("group_key")

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        return [self._send(operation, command) for command in commands]

    def _send(self, operation: str, command: Command) -> Outcome:
        route = ROUTES[operation]
        if route.plain and not self._group:
            return refused(NO_GROUP)
        if fault := self._schemas[operation].validate(command.payload):
            return invalid(fault)
        version = "v1" if route.plain else self._options["version"]
        body = self._body(route, command.payload)
        try:
            answer = self._wire.call(
                route.method,
                f"{self._options['base_url']}/{version}/{route.path}",
                headers={"Idempotency-Key": _repeat_key(command.id, body)},
                json=body,
                sign=partial(self._sign, version),
            )
        except WireError as error:
            return of_failure(error, repeat_safe=True)
        return judge(answer)

    def _body(self, route: Route, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """The wrapper of a record (contracts.md §5.2)."""
        if route.plain:
            return {"data": [payload["data"]] if route.listed else payload["data"], "group_key": self._group}
        group = {"groupKey": self._group} if self._group else {}
        return {"type": payload["type"], **group, **payload}

    def _sign(self, version: str, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Afresh for every attempt: AWS takes a signature for five minutes."""
        region = self._options.get("region") or REGIONS[version]
        signer = Signer(self._options["access_key_id"], self._options["secret_access_key"], region, SERVICE)
        return signer.headers(method, url, headers, body, datetime.now(UTC))


def _repeat_key(delivery: str, body: Mapping[str, Any]) -> str:
    """By which a receiver that is ours knows a repeat; others ignore it. A delivery that is mapped anew is none."""
    return f"{delivery}-{sha256(json.dumps(body).encode()).hexdigest()[:16]}"


def judge(answer: Answer) -> Outcome:
    status, body = answer.status, _body(answer)
    kind, words = MEANING.get(status) or OTHERWISE.get(status // 100, _FAILED)
    if 200 <= status < 300:
        kind, words = _of_success(body.get("success"))
    request = f"requestId {excerpt(str(body['requestId']))}" if body.get("requestId") else ""
    if kind is Kind.DELIVERED:
        provider_id = excerpt(str(body.get("datatalksId") or ""))
        return Outcome(kind, request, status, provider_id or None, warnings=_messages(body))
    said = "; ".join(_messages(body)) or excerpt(answer.body)
    reason = f"{words}: {status} {said}".strip() + (f" ({request})" if request else "")
    return Outcome(kind, reason, status, retry_after=answer.retry_after)


def _of_success(success: Any) -> tuple[Kind, str]:
    if success is True:
        return Kind.DELIVERED, ""
    return (Kind.REJECTED, "rejected") if success is False else (Kind.RETRYABLE, "not an answer of the Data Talks API")


def _messages(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What it says; success is one empty string (contracts.md §5.4). AWS's gateway has a single `message`."""
    messages = body.get("messages") if isinstance(body.get("messages"), list) else [body.get("message")]
    return tuple(excerpt(one) for one in messages or () if isinstance(one, str) and one.strip())


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
