"""Whether this process lives, and whether it can take calls in."""

from __future__ import annotations

from flask import Flask, Response

from router.http.answers import document
from router.http.services import Services
from router.ledger.base import LedgerError


def register(app: Flask, services: Services) -> None:
    def healthz() -> Response:
        return document({"status": "ok"})

    def readyz() -> Response:
        """503 with the reason while the ledger is away or nothing is published."""
        try:
            services.ledger.ping()
            published = services.config.current().publication
        except LedgerError as error:
            return document({"status": "unavailable", "reason": str(error)}, 503, [("Retry-After", "5")])
        return document({"status": "ready", "mappingVersion": published.digest})

    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)
