"""The answer of api.md §3: the same five members, whatever happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import Response

JSON = "application/json"
DONE = ("",)  # as the published sample has it: one empty string


def answer(
    status: int,
    request_id: UUID,
    messages: Sequence[str] = DONE,
    *,
    key: str | None = None,
    datatalks_ids: Sequence[UUID] = (),
    many: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """key: the access key id, once it is known. many: the call carried an array, so its ids are told as one too."""
    told = {
        "success": status == 200,
        "messages": list(messages),
        "requestId": str(request_id),
        "datatalksId": str(datatalks_ids[0]) if len(datatalks_ids) == 1 else None,
        "key": key,
    }
    if many:
        told["datatalksIds"] = [str(each) for each in datatalks_ids]
    return Response(json.dumps(told), status, headers, content_type=JSON)


def document(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Any other JSON answer."""
    return Response(json.dumps(body, ensure_ascii=False), status, headers, content_type=JSON)
