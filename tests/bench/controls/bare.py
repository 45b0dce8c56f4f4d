"""A Flask route that reads JSON and answers JSON, and does nothing else: what any receiver under this server costs."""

from __future__ import annotations

import uuid
from typing import Any

import flask

app = flask.Flask(__name__)


@app.post("/v2/profiles")
def profiles() -> dict[str, Any]:
    flask.request.get_json()
    return {
        "success": True,
        "messages": [""],
        "requestId": str(uuid.uuid4()),
        "datatalksId": str(uuid.uuid4()),
        "key": "AKIDEXAMPLE",
    }
