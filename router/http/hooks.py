"""What providers tell us later: `POST /hooks/{integration}/{token}`, verified, kept, answered with nothing (204).

An address that is none of ours is a 404, a message that is not the provider's a 403, one that cannot be read a 400.
Whatever hinders us (the ledger is away, a secret is not set) is a 503: most providers try again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from flask import Flask, Response
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest, Forbidden, NotFound, ServiceUnavailable

from router import catalog, logs
from router.config import Secrets
from router.feedback import Kinds, news, number_of, people_of, secret_name
from router.http.auth import Memory
from router.http.services import Services
from router.http.wire import HOOKS, current
from router.model import Destination
from router.vault import Unreadable, Vault

MOST_AGE = 300.0
"""Seconds by which the time of a signature may differ from ours."""
MOST_EVENTS = 1000

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Hook:
    """An integration whose provider knows where to post. options: loaded; None, with the fault, when they cannot be."""

    number: int
    place: Destination
    token: str = field(repr=False)
    people: Kinds
    options: Mapping[str, Any] | None = field(repr=False)
    fault: str = ""


class Hooks:
    """The hooks by destination, looked up in the ledger and remembered for seconds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._vault = Vault(services.settings.secret_keys)
        self._memory = Memory(self._look_up)

    def find(self, integration: str, token: str) -> Hook:
        """Raises `NotFound`, the same for whatever is wrong with the address."""
        number = number_of(token)
        place = self._services.config.current().destinations.get(number) if number is not None else None
        if number is not None and place is not None and place.enabled and place.integration == integration:
            hook = self._memory.get(number)
            if hook is not None and compare_digest(hook.token.encode(), token.encode("utf-8", "replace")):
                return hook
        raise NotFound("There is no such hook.")

    def _look_up(self, number: int) -> Hook | None:
        """None: its provider was told no address, or tells nothing."""
        snapshot = self._services.config.current()
        place, integration = snapshot.destinations[number], snapshot.integration(number)
        sealed = self._services.ledger.secret(place.client, secret_name(place))
        if sealed is None or integration is None or not catalog.facts()[place.connector].tells_back:
            return None
        people = people_of(snapshot.set, place)
        secrets = Secrets(self._services.ledger, self._vault, place.client)
        try:
            token = self._vault.open(sealed)
        except Unreadable as fault:
            log.error("the address of a hook cannot be told", integration=place.name, why=str(fault))
            return None
        try:
            options = catalog.load(place.connector, integration.configure(self._services.settings.links, secrets))
        except (LookupError, Unreadable) as error:
            return Hook(number, place, token, people, None, str(error))
        except ValidationError as error:
            return Hook(number, place, token, people, None, f"options: {', '.join(sorted(error.messages_dict))}")
        return Hook(number, place, token, people, options)


def register(app: Flask, services: Services) -> None:
    hooks = Hooks(services)

    def told(integration: str, token: str) -> Response:
        inbound = current()
        inbound.surface = "hooks"
        hook = hooks.find(integration, token)
        if hook.options is None:
            log.error("a hook cannot be verified", integration=hook.place.name, why=hook.fault)
            raise ServiceUnavailable("This integration is not configured.", retry_after=60)
        body = inbound.body(services.settings.max_body)
        found = _read(services, hook, body)
        kept = services.ledger.keep_feedback(
            hook.number, [news(one, hook.number, hook.place.client, hook.people) for one in found]
        )
        log.info("feedback", integration=hook.place.name, told=len(found), new=kept.new, matched=kept.matched)
        return Response(status=204)

    app.add_url_rule(f"{HOOKS}<integration>/<token>", "hooks", told, methods=["POST"])


def _read(services: Services, hook: Hook, body: bytes) -> Sequence[catalog.Feedback]:
    """What is told, verified. Raises `Forbidden`, `BadRequest`."""
    inbound = current()
    headers = {
        name.removeprefix("HTTP_").replace("_", "-"): value
        for name, value in inbound.environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    address = inbound.address(services.settings.trusted_proxies)
    try:
        found = catalog.feedback(hook.place.connector, hook.options or {}, headers, body, address)
    except catalog.FeedbackError as error:
        raise (Forbidden if error.forged else BadRequest)(f"{hook.place.integration}: {error}") from None
    if len(found) > MOST_EVENTS:
        raise BadRequest(f"{hook.place.integration}: {len(found)} events at once; send at most {MOST_EVENTS}")
    times = [one.signed_at for one in found if one.signed_at is not None]
    if any(abs((services.now() - time).total_seconds()) > MOST_AGE for time in times):
        raise Forbidden(f"{hook.place.integration}: signed more than {MOST_AGE:.0f} seconds ago, or in the future")
    return found
