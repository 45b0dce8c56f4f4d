"""Every way in which a call ends without being accepted: what it is answered, logged, and kept as."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from router import logs
from router.accept import BadCall
from router.http.answers import answer
from router.http.body import BodyError
from router.http.services import Services
from router.http.sigv4 import SignatureError
from router.http.wire import Request, current
from router.http.wrapper import WrapperError
from router.ledger.base import IdempotencyMismatch, LedgerError, PinConflict
from router.model import Rejected

AWAY = (
    "The service cannot keep anything at the moment, and whether it kept this call is not certain. "
    "Send it again in a few seconds, with the same Idempotency-Key if it had one."
)
BROKEN = "Internal server error. Please contact us and quote the requestId."
SENTENCES = {
    404: "There is nothing at {path}.",
    405: "{method} is not possible at {path}.",
    413: "The body is too large; send it in parts.",
    429: "Too many requests; wait as long as Retry-After says.",
}
KEPT = frozenset({204, 400, 413, 415, 422, 429})  # refusals of a known client, which it may want to look up

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an exception means to the caller. reason: more, for the log."""

    status: int
    messages: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def meaning(error: Exception, request: Request) -> Refusal:
    """What to answer to any exception."""
    for kind in type(error).__mro__:
        if kind in _MEANINGS:
            return _MEANINGS[kind](error, request)
    return Refusal(500, [BROKEN])


def _http(error: HTTPException, request: Request) -> Refusal:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    if error.description and error.description != type(error).description:
        return Refusal(status, [error.description], headers)
    sentence = SENTENCES.get(status, error.name)
    return Refusal(status, [sentence.format(path=request.path[:200], method=request.method)], headers)


_MEANINGS: Mapping[type, Callable[[Any, Request], Refusal]] = {
    SignatureError: lambda error, _: Refusal(403, [error.message], reason=error.reason),
    BodyError: lambda error, _: Refusal(400, error.messages),
    WrapperError: lambda error, _: Refusal(400, error.messages),
    BadCall: lambda error, _: Refusal(400, error.messages),
    PinConflict: lambda error, _: Refusal(400, [str(error)]),
    IdempotencyMismatch: lambda error, _: Refusal(422, [str(error)]),
    LedgerError: lambda error, _: Refusal(503, [AWAY], {"Retry-After": "5"}, str(error)),
    HTTPException: _http,
}


Words = Callable[[Request, Refusal], Response]


def five_members(request: Request, refusal: Refusal) -> Response:
    """As every surface answers that has no words of its own."""
    return answer(refusal.status, request.request_id, refusal.messages, key=request.credential, headers=refusal.headers)


def register(app: Flask, services: Services, words: Mapping[str, Words]) -> None:
    """Answer every exception that leaves a view. words: how a surface says it, where it does so in its own way."""

    def handle(error: Exception) -> Response:
        request = current()
        refusal = meaning(error, request)
        note(services, request, refusal, error)
        return words.get(request.surface, five_members)(request, refusal)

    app.register_error_handler(Exception, handle)


def note(services: Services, request: Request, refusal: Refusal, error: Exception | None = None) -> None:
    """Log a refusal, and keep one that its client can look up by its id."""
    broken = refusal.status == 500
    log.log(
        logging.ERROR if broken else logging.WARNING if refusal.status > 500 else logging.INFO,
        "call refused",
        request_id=str(request.request_id),
        status=refusal.status,
        path=request.path[:200],
        client=request.client,
        reason=refusal.reason or "; ".join(refusal.messages[:5]),
        exc_info=error if broken else None,
    )
    if refusal.status in KEPT and request.client is not None:
        with contextlib.suppress(LedgerError):  # the answer matters more than its trace
            services.ledger.reject(
                Rejected(
                    request_id=request.request_id,
                    client=request.client,
                    surface=request.surface,
                    credential=request.credential,
                    status=refusal.status,
                    messages=tuple(refusal.messages),
                )
            )
