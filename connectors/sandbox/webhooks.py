"""How a stand-in tells somebody what happened: one POST, on a thread of its own, whatever becomes of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

import requests

_log = logging.getLogger(__name__)
# requests' urllib3 writes the path of every request to its log, and that of a webhook holds its token.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send it without making the provider's answer wait; a failure is logged, as providers do not all try again."""
    threading.Thread(target=_post, args=(url, body, dict(headers)), name="sandbox-webhook", daemon=True).start()


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    try:
        requests.post(url, data=body, headers=dict(headers), timeout=10, allow_redirects=False).close()
    except requests.RequestException as error:
        _log.warning("webhook not delivered: %s", type(error).__name__)
