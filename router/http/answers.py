"""Answers, and the one of api.md §3: the same five members, whatever happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response

DONE = ("",)  # as the published sample has it: one empty string
_JSON = (("Content-Type", "application/json"),)
_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; also a WSGI application that gives it. headers: without Content-Length."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Sequence[bytes]:
        headers = list(self.headers)
        if self.status != 204:
            headers.append(("Content-Length", str(len(self.body))))
        start_response(_LINES[self.status], headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self.body,)

    def wire(self) -> bytes:
        """The same where there is no WSGI: as HTTP/1.1."""
        headers = (*self.headers, ("Content-Length", str(len(self.body))))
        lines = (f"HTTP/1.1 {_LINES[self.status]}", *(f"{name}: {value}" for name, value in headers), "\r\n")
        return "\r\n".join(lines).encode("ascii") + self.body

    def named(self, request_id: str) -> Answer:
        """With its request's id, unless it has that of an earlier one."""
        if any(name == "X-Request-Id" for name, _ in self.headers):
            return self
        return Answer(self.status, self.body, (*self.headers, ("X-Request-Id", request_id)))

    def response(self) -> Response:
        """The same for Flask."""
        return Response(self.body, self.status, list(self.headers))


def five(
    status: int,
    request_id: str,
    messages: Sequence[str] = DONE,
    *,
    key: str | None = None,
    datatalks_ids: Sequence[UUID] = (),
    many: bool = False,
    headers: Headers = (),
) -> Answer:
    """key: the access key id, once it is known. many: the call carried an array, so its ids are told as one too."""
    told: dict[str, Any] = {
        "success": status == 200,
        "messages": list(messages),
        "requestId": request_id,
        "datatalksId": str(datatalks_ids[0]) if len(datatalks_ids) == 1 else None,
        "key": key,
    }
    if many:
        told["datatalksIds"] = [str(each) for each in datatalks_ids]
    return Answer(status, json.dumps(told).encode(), (*_JSON, *headers))


def document(body: object, status: int = 200, headers: Headers = ()) -> Response:
    """Any other JSON answer."""
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), (*_JSON, *headers)).response()
