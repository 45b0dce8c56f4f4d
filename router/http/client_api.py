"""The client API of Parcelvoy, to the byte: what its SDKs send is taken, and answered as its server answers.

Order there, and so here: the body is parsed first, then CORS, then path and method, then the key, its scope, the schema
(contracts.md §4.1, §4.8). The lenient mode also takes what its SDKs send and its server does not know (§4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Flask, Response

from router.accept import Call, accept
from router.http import client_answers, client_body, client_items, client_schemas
from router.http.body import BodyError
from router.http.client_body import Sent
from router.http.client_items import Batch
from router.http.client_schemas import Shape, fault
from router.http.errors import Refusal, note
from router.http.services import Services
from router.http.signed import idempotency, wait_for_turn
from router.http.wire import Request, current, environment_of, raw_target
from router.ledger.base import ClientApiKey
from router.ledger.documents import iso
from router.model import Accepted, new_request_id

SURFACE = "client"
ROOT = "/api"
NO_NOTIFICATIONS: Mapping[str, Any] = {"results": [], "nextCursor": None}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path and method. fault: what a body is refused with. items: a valid one's records, see there.

    relax: what the lenient mode makes of the body before.
    """

    fault: Callable[[Any], str | None]
    items: Callable[[Any], list[Batch] | None]
    relax: Callable[[Any], Any] | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Stub:
    """A path that is polled and has nothing to say."""

    body: Mapping[str, Any] | None = None
    secret: bool = False


def _fits(schema: Shape | client_schemas.Batch) -> Callable[[Any], str | None]:
    return partial(fault, schema)


Table = Mapping[str, Mapping[str, Endpoint | Stub]]

STRICT: Table = {
    "alias": {"POST": Endpoint(_fits(client_schemas.ALIAS), client_items.alias)},
    "identify": {
        "POST": Endpoint(_fits(client_schemas.IDENTIFY), client_items.identify, client_items.lenient_identify)
    },
    "devices": {"POST": Endpoint(_fits(client_schemas.DEVICE), client_items.devices)},
    "events": {"POST": Endpoint(_fits(client_schemas.EVENTS), client_items.events, client_items.lenient_events)},
    "segment": {"POST": Endpoint(_fits(client_schemas.SEGMENT), client_items.segment)},
    "users": {
        "PATCH": Endpoint(_fits(client_schemas.USERS), client_items.users, secret=True),
        "DELETE": Endpoint(client_schemas.ids_fault, client_items.deletions, secret=True),
    },
}
LENIENT: Table = {
    **STRICT,
    "track": {"POST": Endpoint(_fits(client_schemas.EVENTS), client_items.events, client_items.tracked)},
    "notifications": {"GET": Stub(NO_NOTIFICATIONS)},
    "notifications/*": {"PUT": Stub()},
}


def register(app: Flask, services: Services) -> None:
    """Everything under `/api`, in upper and lower case: Parcelvoy's server does not tell them apart."""

    def api(rest: str) -> Response:  # noqa: ARG001 (the raw target is looked at instead)
        return respond(services, current())

    def other_case() -> Response | None:
        request = current()
        if request.routing_exception is None or not request.path.lower().startswith(f"{ROOT}/"):
            return None
        return respond(services, request)

    app.add_url_rule(f"{ROOT}/<path:rest>", "api", api, methods=[*client_answers.METHODS.split(","), "OPTIONS"])
    app.before_request(other_case)


def respond(services: Services, request: Request) -> Response:
    """Answer one call; what it raises is answered by `client_answers.refusal`."""
    request.surface = SURFACE
    try:
        sent = client_body.read(request, services.client_reader)
    except BodyError as error:
        note(services, request, Refusal(400, error.messages))
        return client_answers.told(client_answers.BROKEN, 400, {})
    if request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.environ:
        return client_answers.preflight(request)
    path = raw_target(request.environ).partition("?")[0].lower().removesuffix("/")
    if path == f"{ROOT}/health" and request.method in ("GET", "HEAD"):
        health = {"status": "ok", "environment": "production", "time": iso(services.now())}
        return client_answers.told(health, 200)
    methods = _methods(STRICT if services.settings.strict_client_api else LENIENT, path)
    if methods is None:
        return client_answers.unknown_path(request)
    if request.method not in methods:
        return client_answers.not_allowed(request, methods)
    return _called(services, request, methods[request.method], sent)


def _methods(table: Table, path: str) -> Mapping[str, Endpoint | Stub] | None:
    name = path.removeprefix(f"{ROOT}/client/")
    if name == path:
        return None
    head, _, rest = name.partition("/")
    return table.get(f"{head}/*" if rest and "/" not in rest else name)


def _caller(services: Services, request: Request, secret: bool) -> ClientApiKey | Response:
    """The key that calls, or the answer to a call without one that counts here."""
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    token = header[7:] if header.startswith("Bearer ") else request.cookies.get("access_token", "")
    if not token.startswith(("pk_", "sk_")):
        return client_answers.told(client_answers.NO_KEY, 401)
    key = services.bearer_keys.find(token)
    if key is None:
        return client_answers.told(client_answers.NO_PROJECT, 404)
    request.client, request.credential = key.client, key.name
    if secret and key.scope != "secret":
        return client_answers.told(client_answers.NO_SCOPE, 403)
    return key


def _called(services: Services, request: Request, endpoint: Endpoint | Stub, sent: Sent) -> Response:
    key = _caller(services, request, endpoint.secret)
    if isinstance(key, Response):
        return key
    wait_for_turn(services, key.client)
    if isinstance(endpoint, Stub):
        return client_answers.told(endpoint.body, 200) if endpoint.body else client_answers.nothing()
    return _taken_in(services, request, endpoint, key, sent)


def _taken_in(services: Services, request: Request, endpoint: Endpoint, key: ClientApiKey, sent: Sent) -> Response:
    body = sent.value
    if request.method == "DELETE":
        ids = request.args.getlist("user_id")
        body = [] if ids == [""] else ids
    elif endpoint.relax is not None and not services.settings.strict_client_api:
        body = endpoint.relax(body)
    sentence = endpoint.fault(body)
    if sentence is not None:
        note(services, request, Refusal(422, [sentence]))
        return client_answers.told({"status": "error", "error": sentence}, 422)
    batches = endpoint.items(body)
    if batches is None:
        return client_answers.told(client_answers.BROKEN, 400)
    kept = [_kept(services, request, key, batch, sent.raw) for batch in batches if batch.records]
    if useless := [str(index) for batch in batches for index in batch.useless]:
        reason = f"left out, for they name nobody: items {', '.join(useless[:50])}"
        note(services, request, Refusal(204, [reason]))
    if kept and kept[0].replayed:
        again = {"X-Request-Id": str(kept[0].request_id), "Idempotent-Replayed": "true"}
        return client_answers.nothing({**client_answers.CORS, **again})
    return client_answers.nothing()


def _kept(services: Services, request: Request, key: ClientApiKey, batch: Batch, raw: bytes) -> Accepted:
    """One batch, accepted. Only `segment` has several, of which the first bears the call's id."""
    environment = environment_of(request, staged=False)
    call = Call(
        request_id=request.request_id if batch.first else new_request_id(),
        client=key.client,
        credential=key.name,
        environment=environment,
        surface=SURFACE,
        entity=batch.entity,
        action=batch.action,
        type=batch.type,
        group=key.group,
        records=batch.records,
        joins=batch.joins,
        many=True,
        idempotency=idempotency(request, environment, raw, of=batch.entity),
    )
    return accept(call, services.config.current(), services.ledger)
