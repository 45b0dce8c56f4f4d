"""The receiver put together: which path leads where, what every answer carries, what an exception becomes."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response
from structlog.contextvars import bind_contextvars

from router.http import client_answers, client_api, console, errors, health, status, v1, v2
from router.http.services import Services
from router.http.signed import Route, submit
from router.http.wire import Request, current


class Receiver(Flask):
    request_class = Request


def create_app(services: Services) -> Flask:
    """The WSGI application of one process."""
    app = Receiver(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    for route in (*v1.ROUTES, *v2.routes(services.settings.accept_null_group_key)):
        _add(app, services, route)
    app.before_request(_begin)
    app.after_request(_end)
    status.register(app, services)
    health.register(app, services)
    client_api.register(app, services)
    console.register(app, services)
    errors.register(app, services, {client_api.SURFACE: client_answers.refusal})
    return app


def _add(app: Flask, services: Services, route: Route) -> None:
    for prefix in ("", "/staging"):
        endpoint = f"{prefix}{route.path}"
        app.add_url_rule(endpoint, endpoint, _view(services, route, staged=bool(prefix)), methods=route.methods)


def _view(services: Services, route: Route, staged: bool) -> Callable[[], Response]:
    def view() -> Response:
        return submit(services, current(), route, staged)

    return view


def _begin() -> None:
    bind_contextvars(request_id=str(current().request_id))


def _end(response: Response) -> Response:
    response.headers.setdefault("X-Request-Id", str(current().request_id))
    return response
