"""The client API of Parcelvoy, to the byte: what its SDKs send is taken, and answered as its server answers.

Order there, and so here: the body is parsed first, then CORS, then path and method, then the key, its scope, the schema
(contracts.md §4.1, §4.8). The lenient mode also takes what its SDKs send and its server does not know (§4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.http import parse_cookie

from router.accept import Call, accept
from router.http import client_answers, client_body, client_items, client_schemas
from router.http.answers import Answer
from router.http.body import BodyError
from router.http.client_body import Sent
from router.http.client_items import Batch
from router.http.client_schemas import Shape, fault
from router.http.errors import Refusal, note
from router.http.services import Services
from router.http.signed import idempotency, idempotency_key, wait_for_turn
from router.http.wire import Inbound, raw_target
from router.ledger.base import ClientApiKey
from router.ledger.documents import iso
from router.model import Accepted, Entity, identity_key, new_request_id

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


def respond(services: Services, inbound: Inbound) -> Answer:
    """Answer one call to anything under `/api`; what it raises is answered by `client_answers.refusal`."""
    inbound.surface = SURFACE
    try:
        sent = client_body.read(inbound, services.client_reader)
    except BodyError as error:
        note(services, inbound, Refusal(400, error.messages))
        return client_answers.told(client_answers.BROKEN, 400, ())
    if inbound.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in inbound.environ:
        return client_answers.preflight(inbound)
    path = raw_target(inbound.environ).partition("?")[0].lower().removesuffix("/")
    if path == f"{ROOT}/health" and inbound.method in ("GET", "HEAD"):
        health = {"status": "ok", "environment": "production", "time": iso(services.now())}
        return client_answers.told(health, 200)
    methods = _methods(STRICT if services.settings.strict_client_api else LENIENT, path)
    if methods is None:
        return client_answers.unknown_path(inbound)
    if inbound.method not in methods:
        return client_answers.not_allowed(inbound, methods)
    return _called(services, inbound, methods[inbound.method], sent)


def _methods(table: Table, path: str) -> Mapping[str, Endpoint | Stub] | None:
    name = path.removeprefix(f"{ROOT}/client/")
    if name == path:
        return None
    head, _, rest = name.partition("/")
    return table.get(f"{head}/*" if rest and "/" not in rest else name)


def _caller(services: Services, inbound: Inbound, secret: bool) -> ClientApiKey | Answer:
    """The key that calls, or the answer to a call without one that counts here."""

    def no(status: int, body: Mapping[str, Any]) -> Answer:
        note(services, inbound, Refusal(status, [body["error"]]))
        return client_answers.told(body, status)

    header = inbound.environ.get("HTTP_AUTHORIZATION", "")
    token = (
        header[7:]
        if header.startswith("Bearer ")
        else parse_cookie(inbound.environ.get("HTTP_COOKIE", "")).get("access_token", "")
    )
    if not token.startswith(("pk_", "sk_")):
        return no(401, client_answers.NO_KEY)
    key = services.bearer_keys.find(token)
    if key is None:
        return no(404, client_answers.NO_PROJECT)
    inbound.client, inbound.credential = key.client, key.name
    if secret and key.scope != "secret":
        return no(403, client_answers.NO_SCOPE)
    return key


def _called(services: Services, inbound: Inbound, endpoint: Endpoint | Stub, sent: Sent) -> Answer:
    key = _caller(services, inbound, endpoint.secret)
    if isinstance(key, Answer):
        return key
    wait_for_turn(services, key.client)
    if isinstance(endpoint, Stub):
        return client_answers.told(endpoint.body, 200) if endpoint.body else client_answers.nothing()
    return _taken_in(services, inbound, endpoint, key, sent)


def _taken_in(services: Services, inbound: Inbound, endpoint: Endpoint, key: ClientApiKey, sent: Sent) -> Answer:
    body = sent.value
    if inbound.method == "DELETE":
        query = parse_qsl(inbound.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        ids = [value for name, value in query if name == "user_id"]
        body = [] if ids == [""] else ids
    elif endpoint.relax is not None and not services.settings.strict_client_api:
        body = endpoint.relax(body)
    sentence = endpoint.fault(body)
    if sentence is not None:
        note(services, inbound, Refusal(422, [sentence]))
        return client_answers.told({"status": "error", "error": sentence}, 422)
    idempotency_key(inbound)  # also where nothing is kept under it
    batches = endpoint.items(body)
    if batches is None:
        return client_answers.told(client_answers.BROKEN, 400)
    pieces = [piece for batch in batches for piece in batch.pieces()]
    kept = [_kept(services, inbound, key, number, piece, sent.raw) for number, piece in enumerate(pieces)]
    if useless := [str(index) for batch in batches for index in batch.useless]:
        reason = f"left out, for an id that they need is blank: items {', '.join(useless[:50])}"
        note(services, inbound, Refusal(204, [reason]))
    if kept and kept[0].replayed:
        again = (("X-Request-Id", str(kept[0].request_id)), ("Idempotent-Replayed", "true"))
        return client_answers.nothing((*client_answers.CORS, *again))
    return client_answers.nothing()


def _kept(services: Services, inbound: Inbound, key: ClientApiKey, number: int, batch: Batch, raw: bytes) -> Accepted:
    """One batch, accepted. `segment` and very long arrays have several, of which the first bears the call's id."""
    batch = _named(services, key, batch)
    environment = inbound.environment()
    call = Call(
        request_id=new_request_id() if number else inbound.request_id,
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
        idempotency=idempotency(inbound, environment, raw, of=str(number or "")),
    )
    return accept(call, services.config.current(), services.ledger)


def _named(services: Services, key: ClientApiKey, batch: Batch) -> Batch:
    """With external ids where anonymous ones were joined to them; earlier batches of the call count."""
    keys = {identity_key(key.client, Entity.PROFILE, client_items.USER, (id,)): id for id in batch.anonymous()}
    if not keys:
        return batch
    known = services.ledger.known_as(list(keys), key.group)
    return batch.named({keys[one]: name for one, name in known.items()})
