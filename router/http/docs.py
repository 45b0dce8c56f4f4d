"""The API described: `/openapi.json` for programs, `/docs` for people; `?client=` with that client's own contracts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from flask import Blueprint, Flask, Response, render_template, request
from werkzeug.exceptions import NotFound

from router.http.docs_page import Page
from router.http.openapi import document, of_anyone, of_client
from router.http.services import Services
from router.http.signed import authenticate
from router.http.wire import current

POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

Document = dict[str, Any]
Made = TypeVar("Made")


class Described(Generic[Made]):
    """What is made of the API's description, once for each publication."""

    def __init__(self, services: Services, make: Callable[[Document], Made]) -> None:
        self._services = services
        self._make = make
        self._kept: dict[str | None, tuple[str, Made]] = {}

    def of(self, client: str | None) -> Made:
        """For one client, or without one for all. Raises `LedgerError` while a client's contracts are not known."""
        snapshot = self._services.config.current() if client else None
        digest = snapshot.publication.digest if snapshot else ""
        kept = self._kept.get(client)
        if kept is None or kept[0] != digest:
            variants = of_client(snapshot.set, client) if snapshot and client else of_anyone()
            kept = digest, self._make(document(self._services.settings, variants, client))
            self._kept[client] = kept
        return kept[1]


def register(app: Flask, services: Services) -> None:
    docs = Blueprint(
        "docs", __name__, template_folder="templates", static_folder="static", static_url_path="/docs/static"
    )
    written = Described(services, lambda described: json.dumps(described, ensure_ascii=False))
    rendered = Described(
        services,
        lambda described: render_template("docs/page.html", page=Page(described), regions=services.settings.regions),
    )

    @docs.get("/openapi.json")
    def openapi() -> Response:
        return Response(written.of(_caller(services)), mimetype="application/json")

    @docs.get("/docs")
    def page() -> Response:
        response = Response(rendered.of(_caller(services)), mimetype="text/html")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    app.register_blueprint(docs)


def _caller(services: Services) -> str | None:
    """The client whose contracts are asked for; only itself may. Raises `SignatureError`, `NotFound`."""
    client = request.args.get("client")
    if client is None:
        return None
    key, _ = authenticate(services, current(), services.settings.max_body)
    if key.client != client:
        raise NotFound(f"There is no client {client[:80]!r}.")
    return client
