"""The receiver put together: which path leads where, what every answer carries, what an exception becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flask import Flask, Response
from structlog.contextvars import bind_contextvars
from werkzeug.routing import Rule

from router.http import (
    client_answers,
    client_api,
    console,
    docs,
    errors,
    health,
    hooks,
    metrics,
    preview,
    replaying,
    status,
    v1,
    v2,
)
from router.http.answers import Answer
from router.http.services import Services
from router.http.signed import Route, submit
from router.http.wire import Environ, Inbound, current

Taking = Callable[[Inbound], Answer]


class Receiver(Flask):
    """Flask, with a short way for calls that bring records: what Flask does around a view costs more than the call.

    It knows their paths too, and answers other methods there; but not those of the client API, which follows the rules
    of another server.
    """

    def __init__(self, services: Services) -> None:
        super().__init__(__name__, static_folder=None)
        self._services = services
        self._taking: dict[tuple[str, str], Taking] = {}
        self._client_api: Taking = partial(client_api.respond, services)
        self.tally = metrics.Tally()
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.url_map.merge_slashes = False
        self.url_map.redirect_defaults = False
        self.register_error_handler(Exception, lambda error: self._refused(current(), error).response())
        self.after_request(_named)

    def take(self, path: str, methods: Iterable[str], taking: Taking) -> None:
        """Have calls to this path answered by `taking`."""
        self.url_map.add(Rule(path, endpoint=path, methods=methods))
        self._taking.update({(method, path): taking for method in methods})

    def wsgi_app(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        inbound = Inbound(environ)
        bind_contextvars(request_id=inbound.id_text)
        taking, words = self._taking.get((inbound.method, inbound.path)), None
        if inbound.path[:5].lower() == "/api/":
            taking, words = self._client_api, client_answers.refusal
        if taking is None:
            return super().wsgi_app(environ, start_response)
        try:
            answer = taking(inbound)
        except Exception as error:  # noqa: BLE001 (the end of the line: whatever it is, it is answered and logged)
            answer = self._refused(inbound, error, words)
        self.tally.note(inbound.surface, answer.status)
        return answer.named(inbound.id_text)(environ, start_response)

    def _refused(self, inbound: Inbound, error: Exception, words: errors.Words | None = None) -> Answer:
        return errors.answer(self._services, inbound, error, words)


def create_app(services: Services) -> Flask:
    """The WSGI application of one process."""
    app = Receiver(services)
    for route in (*v1.ROUTES, *v2.routes(services.settings.accept_null_group_key)):
        _add(app, services, route)
    status.register(app, services)
    replaying.register(app, services)
    preview.register(app, services)
    metrics.register(app, services, app.tally)
    health.register(app, services)
    hooks.register(app, services)
    console.register(app, services)
    docs.register(app, services)
    return app


def _add(app: Receiver, services: Services, route: Route) -> None:
    def take(staged: bool, inbound: Inbound) -> Answer:
        return submit(services, inbound, route, staged)

    app.take(route.path, route.methods, partial(take, False))
    app.take(f"/staging{route.path}", route.methods, partial(take, True))


def _named(response: Response) -> Response:
    response.headers.setdefault("X-Request-Id", current().id_text)
    return response
