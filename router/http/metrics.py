"""`/metrics` in Prometheus' text format: the ledger as it stands, and what this process answered since it began.

For those who know ROUTER_METRICS_TOKEN; where none is set, there is nothing here.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from router import breaker
from router.http.answers import document
from router.http.services import Services
from router.ledger.base import Place

FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Sample = tuple[Mapping[str, str], float]


class Tally:
    """How many calls this process answered, by surface and status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, int]] = Counter()

    def note(self, surface: str, status: int) -> None:
        with self._lock:
            self._counts[surface, status] += 1

    def samples(self) -> list[Sample]:
        with self._lock:
            counts = sorted(self._counts.items())
        process = str(os.getpid())
        return [({"process": process, "surface": surface, "status": str(status)}, n) for (surface, status), n in counts]


def register(app: Flask, services: Services, tally: Tally) -> None:
    token = services.settings.metrics_token

    def metrics() -> Response:
        if token is None:
            raise NotFound
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return document({"error": "a token is needed"}, 401, [("WWW-Authenticate", "Bearer")])
        return Response("".join(_lines(services.ledger.places(), tally, services.now())), content_type=FORMAT)

    app.add_url_rule("/metrics", view_func=metrics)


def _lines(places: Iterable[Place], tally: Tally, now: datetime) -> Iterator[str]:
    shown = [(_labels(place), place) for place in places if place.enabled or place.waiting]
    for name, (help_, value) in _GAUGES.items():
        yield from _family(name, "gauge", help_, [(labels, value(place, now)) for labels, place in shown])
    states = [
        ({**labels, "state": state}, float(place.breaker == state))
        for labels, place in shown
        for state in (breaker.CLOSED, breaker.HALF_OPEN, breaker.OPEN)
    ]
    yield from _family("router_breaker", "gauge", "Which state the breaker is in.", states)
    yield from _family("router_calls_total", "counter", "Calls that brought records, as answered.", tally.samples())


def _family(name: str, kind: str, help_: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {help_}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        told = ",".join(f'{label}="{text.translate(_ESCAPED)}"' for label, text in labels.items())
        yield f"{name}{{{told}}} {value:.15g}\n"


def _labels(place: Place) -> Mapping[str, str]:
    return {"client": place.client, "group": place.group, "integration": place.integration, "kind": place.kind}


def _late(place: Place, now: datetime) -> float:
    """What is due only later is not late."""
    return max((now - place.oldest_due_at).total_seconds(), 0.0) if place.oldest_due_at else 0.0


_GAUGES: Mapping[str, tuple[str, Callable[[Place, datetime], float]]] = {
    "router_waiting": ("Everything still owed, in flight included.", lambda place, _: place.waiting),
    "router_in_flight": ("What a worker has begun.", lambda place, _: place.in_flight),
    "router_oldest_due_age_seconds": ("For how long the oldest could have been sent.", _late),
    "router_paused": ("1 while a person has paused it.", lambda place, _: float(place.paused_at is not None)),
    "router_blocked": ("1 while its budget is used up.", lambda place, _: float(place.blocked_until is not None)),
}
