"""HTTP to our own programs on this machine, past any proxy of the environment."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit


def call(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout: float = 10.0
) -> tuple[int, bytes]:
    """(status, body). Raises OSError when there is no answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection.request(method, target, body or None, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error!r}") from error
    finally:
        connection.close()


def get_json(url: str) -> Any:
    """Raises OSError when there is no answer, ValueError when it is not 200 or not JSON."""
    status, body = call("GET", url)
    if status != 200:
        raise ValueError(f"{url} answers {status}")
    return json.loads(body)


def answers(url: str, *statuses: int) -> Callable[[str], bool]:
    """A program's readiness: whether the URL answers with one of the statuses."""

    def ready(_said: str) -> bool:
        try:
            return call("GET", url, timeout=2)[0] in statuses
        except OSError:
            return False

    return ready
