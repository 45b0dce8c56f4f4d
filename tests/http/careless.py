"""An application that breaks down behind the head of its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", "6")])
    yield b"abc"
    if environ["PATH_INFO"] == "/breaks":
        raise ValueError("behind the head")
    yield b"def"
