"""A stand-in for the postbox, which refuses what it would refuse."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.sandbox.base import Call, Reply

CREDENTIALS: dict[str, Any] = {"key": "pb-7f3d"}
SAMPLES: dict[str, dict[str, Any]] = {"drop": {"to": "ada", "text": "The engine is ready."}}


class Postbox:
    name: ClassVar[str] = "postbox"
    masked: ClassVar[frozenset[str]] = frozenset()
    modes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.letters: list[Any] = []

    def clear(self) -> None:
        self.letters.clear()

    def handle(self, call: Call, mode: str) -> Reply:
        if (call.method, call.path) != ("POST", "/letters"):
            return Reply(404, {"error": "nothing here"})
        if mode == "refuse_credentials" or call.headers.get("authorization") != f"Bearer {CREDENTIALS['key']}":
            return Reply(401, {"error": "wrong key"})
        letter = call.json()
        if mode == "reject" or not isinstance(letter, dict) or not letter.get("to"):
            return Reply(422, {"error": "no address"})
        self.letters.append(letter)
        return Reply(201, accepted=True)
