"""An operator's browser, on a receiver over a shop."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import requests
from werkzeug.security import generate_password_hash

from router.ledger.base import Ledger
from tests.http.shop import Receiver, serving, settings
from tests.support.shop import KEY

PASSWORD = "open sesame"
OPERATORS = {"ada": generate_password_hash(PASSWORD, "pbkdf2:sha256:1")}
LINKS = {"sandbox_url": "http://127.0.0.1:9"}
CHOICE = "shop/main/profile/person"
ADA = {"customer_id": "c-1", "name": "Ada Lovelace", "shoe": 38}


@contextmanager
def receiving(ledger: Ledger, database_url: str, operators: dict[str, str] | None = None) -> Iterator[Receiver]:
    """The console's receiver, open to `OPERATORS` unless told otherwise."""
    chosen = settings(database_url, operators=OPERATORS if operators is None else operators, links=LINKS)
    with serving(ledger, replace(chosen, secret_keys=(KEY,))) as listening:
        yield listening


class Console:
    """An operator's browser."""

    def __init__(self, receiver: Receiver, *, look: bool = True) -> None:
        """look: at the page that follows the login."""
        self._url = f"{receiver.url}/console"
        self._session = requests.Session()
        who = {"name": "ada", "password": PASSWORD}
        self._session.post(f"{self._url}/login", data=who, allow_redirects=look).raise_for_status()

    def get(self, path: str, status: int = 200, **query: object) -> str:
        """The page as text, without its mark-up's escapes."""
        return self._read(self._session.get(f"{self._url}/{path}", params=query), status)

    def preview(self, sample: object = ADA, status: int = 200, **more: str) -> str:
        token = re.search(r'name="form" value="([^"]+)"', self.get("preview", choice=CHOICE))
        assert token is not None
        text = sample if isinstance(sample, str) else json.dumps(sample)
        data = {"form": token[1], "choice": CHOICE, "sample": text, **more}
        return self._read(self._session.post(f"{self._url}/preview", data=data), status)

    def post(self, path: str, status: int = 200, **fields: object) -> str:
        """The page that a form leads to."""
        token = re.search(r'name="form" value="([^"]+)"', self.get(""))
        assert token is not None
        response = self._session.post(f"{self._url}/{path}", data={"form": token[1], **fields})
        self._addresses = [each.url for each in (*response.history, response)]
        return self._read(response, status)

    def landed(self, path: str, **fields: object) -> str:
        """Every address that posting a form leads through."""
        self.post(path, **fields)
        return " ".join(self._addresses)

    def at(self, receiver: Receiver) -> Console:
        """The same browser, with its cookies, at another receiver."""
        self._url = f"{receiver.url}/console"
        return self

    @staticmethod
    def _read(response: requests.Response, status: int) -> str:
        assert response.status_code == status, response.text
        assert "<script" not in response.text
        assert "<img" not in response.text
        return html.unescape(response.text)
