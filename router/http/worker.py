"""gunicorn's worker, with our words for what never reaches the application: a call that is not HTTP, or too long.

gunicorn's own answer is a page of HTML without a requestId, and its log line repeats what was sent, which may be the
ids of somebody's users.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from gunicorn.config import Config
from gunicorn.http import errors, wsgi
from gunicorn.util import write_nonblock

from router import logs
from router.http.answers import five
from router.http.errors import BROKEN, Refusal
from router.http.writing import OneWrite
from router.model import new_request_id

if sys.platform == "linux":
    from router.http.threads import Threads
else:
    from gunicorn.workers.gthread import ThreadWorker as Threads

log = logs.get(__name__)

_HEADERS = "The headers may be {0.limit_request_fields}, of {0.limit_request_field_size} bytes each."
_MEANINGS: Mapping[type[Exception], Callable[[Config], Refusal]] = {
    errors.LimitRequestLine: lambda config: Refusal(
        414, [f"The request line is too long: with its query it may have {config.limit_request_line} bytes."]
    ),
    errors.LimitRequestHeaders: lambda config: Refusal(431, [_HEADERS.format(config)]),
    errors.ExpectationFailed: lambda _: Refusal(417, ["Of Expect, only 100-continue is known."]),
    errors.UnsupportedTransferCoding: lambda _: Refusal(501, ["Of Transfer-Encoding, only chunked is known."]),
    errors.InvalidResponseHeader: lambda _: Refusal(500, [BROKEN]),  # type: ignore[attr-defined]  # newer than the stubs
    errors.InvalidResponseHeaderName: lambda _: Refusal(500, [BROKEN]),  # type: ignore[attr-defined]  # as well
    errors.ConfigurationProblem: lambda _: Refusal(500, [BROKEN]),
    errors.InvalidHeader: lambda _: Refusal(400, ["A header is malformed."]),
    errors.InvalidHeaderName: lambda _: Refusal(400, ["A header's name is malformed."]),
    errors.ObsoleteFolding: lambda _: Refusal(400, ["A header goes on in a second line; write it in one."]),
    errors.InvalidSchemeHeaders: lambda _: Refusal(400, ["Headers contradict each other about http and https."]),
    errors.ParseException: lambda _: Refusal(400, ["The request is not HTTP/1.1."]),
    Exception: lambda _: Refusal(500, [BROKEN]),
}


def meaning(error: BaseException, config: Config) -> Refusal:
    """What to answer to what gunicorn, or a careless application, raised."""
    return next(_MEANINGS[kind] for kind in type(error).__mro__ if kind in _MEANINGS)(config)


class Worker(Threads):
    """The receiver's worker."""

    def is_parent_alive(self) -> bool:
        """Without its arbiter it ends, and tells its callers, as if it had been told to."""
        if super().is_parent_alive():
            return True
        self.alive = False
        return False

    def handle_request(self, req: Any, conn: Any) -> bool:
        """gunicorn's, without an access log and hooks that the receiver has not; the answer leaves in one write."""
        response, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg, OneWrite)
        environ["wsgi.multithread"] = True
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        if not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            response.force_close()
        try:
            body = self.wsgi(environ, response.start_response)  # type: ignore[arg-type]  # which the stubs have otherwise
            try:
                for piece in body:
                    response.write(piece)
                response.close()
            finally:
                if hasattr(body, "close"):
                    body.close()
        except OSError:
            raise
        except Exception as error:
            if not response.headers_sent:
                raise
            log.exception("an answer broke off")  # a second one behind its head would be read as its body
            raise StopIteration from error
        return not response.should_close()

    def handle_error(
        self,
        req: Any,  # noqa: ARG002 (gunicorn's)
        client: socket.socket,
        addr: Any,  # noqa: ARG002 (gunicorn's)
        exc: BaseException,
    ) -> None:
        """Answer what could not be read, and log its kind alone."""
        refusal = meaning(exc, self.cfg)
        request_id = str(new_request_id())
        log.log(
            logging.ERROR if refusal.status == 500 else logging.INFO,
            "call refused",
            request_id=request_id,
            status=refusal.status,
            reason=type(exc).__name__,
            exc_info=exc if refusal.status == 500 else None,
        )
        answer = five(refusal.status, request_id, refusal.messages, headers=(("Connection", "close"),))
        with contextlib.suppress(OSError):  # the caller is gone
            write_nonblock(client, answer.named(request_id).wire())
