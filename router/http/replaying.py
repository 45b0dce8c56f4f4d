"""A client sends again what failed of its own request, as it was (api.md §1)."""

from __future__ import annotations

from uuid import UUID

from flask import Flask, Response
from werkzeug.exceptions import NotFound

from router.http.answers import document
from router.http.services import Services
from router.http.signed import authenticate, wait_for_turn
from router.http.status import PATH
from router.http.wire import current
from router.ledger.base import Selection
from router.model import FAILED
from router.replay import pages


def register(app: Flask, services: Services) -> None:
    def replay(request_id: UUID) -> Response:
        """How many dead and unknown deliveries will be sent again; another client's request is a 404."""
        key, _ = authenticate(services, current(), services.settings.max_body)
        wait_for_turn(services, key.client)
        ledger = services.ledger
        if ledger.document(request_id, key.client) is None:
            raise NotFound(f"There is no request {request_id}.")
        failed = Selection(states=sorted(FAILED), request_id=request_id)
        by = f"{key.access_key_id} (client)"
        count = sum(ledger.replay([each.delivery_id for each in page], by) for page in pages(ledger, failed))
        return document({"requestId": str(request_id), "replayed": count})

    for prefix in ("", "/staging"):
        app.add_url_rule(
            f"{prefix}{PATH}/<uuid:request_id>/replay", f"{prefix}replay request", replay, methods=["POST"]
        )
