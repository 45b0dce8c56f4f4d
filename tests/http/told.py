"""What the receiver told, compared whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import requests

from tests.http.signing import ACCESS_KEY


def refused(response: requests.Response, status: int, *messages: str, key: str | None = ACCESS_KEY) -> None:
    """The five members, and nothing else, of a refusal."""
    told = response.json()
    request_id = told.pop("requestId")
    assert (response.status_code, told) == (
        status,
        {"success": False, "messages": list(messages), "datatalksId": None, "key": key},
    )
    assert response.headers["X-Request-Id"] == request_id
    assert UUID(request_id).version == 7
    assert response.headers["Content-Type"] == "application/json"


def kept(response: requests.Response) -> dict[str, Any]:
    """The five members of an acceptance; returns them."""
    told: dict[str, Any] = response.json()
    assert (response.status_code, told["success"], told["messages"]) == (200, True, [""])
    assert response.headers["X-Request-Id"] == told["requestId"]
    return told
