"""Every way in which a call ends without being accepted: what it is answered, logged, and kept as."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.exceptions import HTTPException

from router import logs
from router.accept import BadCall
from router.http.answers import Answer, five
from router.http.body import BodyError
from router.http.services import Services
from router.http.sigv4 import SignatureError
from router.http.wire import Inbound
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


def meaning(error: Exception, inbound: Inbound) -> Refusal:
    """What to answer to any exception."""
    for kind in type(error).__mro__:
        if kind in _MEANINGS:
            return _MEANINGS[kind](error, inbound)
    return Refusal(500, [BROKEN])


def _http(error: HTTPException, inbound: Inbound) -> Refusal:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    if error.description and error.description != type(error).description:
        return Refusal(status, [error.description], headers)
    sentence = SENTENCES.get(status, error.name)
    return Refusal(status, [sentence.format(path=inbound.shown_path, method=inbound.method)], headers)


_MEANINGS: Mapping[type, Callable[[Any, Inbound], Refusal]] = {
    SignatureError: lambda error, _: Refusal(403, [error.message], reason=error.reason),
    BodyError: lambda error, _: Refusal(400, error.messages),
    WrapperError: lambda error, _: Refusal(400, error.messages),
    BadCall: lambda error, _: Refusal(400, error.messages),
    PinConflict: lambda error, _: Refusal(400, [str(error)]),
    IdempotencyMismatch: lambda error, _: Refusal(422, [str(error)]),
    LedgerError: lambda error, _: Refusal(503, [AWAY], {"Retry-After": "5"}, str(error)),
    HTTPException: _http,
}


Words = Callable[[Refusal], Answer]


def answer(services: Services, inbound: Inbound, error: Exception, words: Words | None = None) -> Answer:
    """What an exception is answered, once it is noted. words: how a surface says it that has words of its own."""
    refusal = meaning(error, inbound)
    note(services, inbound, refusal, error)
    if words is not None:
        return words(refusal)
    headers = refusal.headers.items()
    return five(refusal.status, inbound.id_text, refusal.messages, key=inbound.credential, headers=headers)


def note(services: Services, inbound: Inbound, refusal: Refusal, error: Exception | None = None) -> None:
    """Log a refusal, and keep one that its client can look up by its id."""
    broken = refusal.status == 500
    log.log(
        logging.ERROR if broken else logging.WARNING if refusal.status > 500 else logging.INFO,
        "call refused",
        request_id=inbound.id_text,
        status=refusal.status,
        path=inbound.shown_path,
        client=inbound.client,
        reason=refusal.reason or "; ".join(refusal.messages[:5]),
        exc_info=error if broken else None,
    )
    if refusal.status in KEPT and inbound.client is not None:
        with contextlib.suppress(LedgerError):  # the answer matters more than its trace
            services.ledger.reject(
                Rejected(
                    request_id=inbound.request_id,
                    client=inbound.client,
                    surface=inbound.surface,
                    credential=inbound.credential,
                    status=refusal.status,
                    messages=tuple(refusal.messages),
                )
            )
