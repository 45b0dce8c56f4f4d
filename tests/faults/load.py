"""A client that keeps at it: it posts at a steady rate, and what was not answered 200 it posts again, with its key."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID, uuid4

from router.http.sigv4 import derive
from tests.faults.shop import Token, body

PATH = "/v2/profiles"
REGION = "eu-west-1"
PATIENCE = 15.0
PAUSE = 0.1
_SIGNED = ("content-type", "host", "idempotency-key", "x-amz-date")


@dataclass(frozen=True, slots=True)
class Account:
    """Who posts, and where. host: with its port."""

    host: str
    access_key_id: str
    secret: str = field(repr=False)

    def headers(self, body: bytes, idempotency_key: str) -> Mapping[str, str]:
        """The headers of a signed POST of JSON to `PATH`."""
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        values = {
            "content-type": "application/json",
            "host": self.host,
            "idempotency-key": idempotency_key,
            "x-amz-date": stamp,
        }
        lines = "".join(f"{name}:{values[name]}\n" for name in _SIGNED)
        signed = ";".join(_SIGNED)
        canonical = f"POST\n{PATH}\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{REGION}/execute-api/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        signature = hmac.digest(derive(self.secret, stamp[:8], REGION), to_sign.encode(), "sha256").hex()
        credential = f"Credential={self.access_key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"
        return {**values, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one try. at: when (monotonic seconds); took: seconds. status: None when no answer came."""

    at: float
    took: float
    status: int | None


class Load:
    """Posts calls from `start` until all of them are accepted, or `stop`.

    accepted: the records that were answered 200, with their request's id. refused: answers that a good call never gets.
    """

    def __init__(
        self,
        account: Account,
        calls: Sequence[Sequence[Token]],
        *,
        group: str,
        rate: float,
        kinds: Mapping[Token, str],
        senders: int = 8,
    ) -> None:
        self.calls = calls
        self.group = group
        self.accepted: dict[Token, UUID] = {}
        self.tries: list[Answered] = []
        self.refused: list[str] = []
        self._account = account
        self._rate = rate
        self._kinds = kinds
        self._run = uuid4().hex[:8]
        self._lock = threading.Lock()
        self._next = 0
        self._stopped = threading.Event()
        self._senders = [threading.Thread(target=self._send, daemon=True) for _ in range(senders)]

    @property
    def done(self) -> bool:
        return not any(each.is_alive() for each in self._senders)

    @property
    def statuses(self) -> Counter[int | None]:
        with self._lock:
            return Counter(each.status for each in self.tries)

    def takes_since(self, moment: float) -> bool:
        """Whether a call was answered 200 since then."""
        with self._lock:
            return any(each.status == http.client.OK and each.at > moment for each in reversed(self.tries))

    def start(self) -> Self:
        self._began = time.monotonic()
        for each in self._senders:
            each.start()
        return self

    def stop(self) -> None:
        self._stopped.set()
        for each in self._senders:
            each.join()

    def _send(self) -> None:
        connection = _Connection(self._account.host)
        while (call := self._turn()) is not None:
            index, tokens = call
            self._insist(connection, tokens, f"{self._run}-{index}")
        connection.close()

    def _turn(self) -> tuple[int, Sequence[Token]] | None:
        """The next call, when its time has come."""
        with self._lock:
            index = self._next
            self._next += 1
        due = self._began + index / self._rate
        if index >= len(self.calls) or self._stopped.wait(max(0.0, due - time.monotonic())):
            return None
        return index, self.calls[index]

    def _insist(self, connection: _Connection, tokens: Sequence[Token], key: str) -> None:
        sent = body(tokens, self.group, self._kinds)
        while not self._stopped.is_set():
            began = time.monotonic()
            status, answer = connection.post(sent, self._account.headers(sent, key))
            ended = time.monotonic()
            with self._lock:
                self.tries.append(Answered(ended, ended - began, status))
                if status == http.client.OK:
                    request_id = UUID(json.loads(answer)["requestId"])
                    self.accepted.update(dict.fromkeys(tokens, request_id))
                    return
            if status is not None and status != http.client.SERVICE_UNAVAILABLE:
                self.refused.append(f"{status}: {answer.decode(errors='replace')}")
                return
            self._stopped.wait(PAUSE)


class _Connection:
    """Kept open, and opened again when it breaks."""

    def __init__(self, host: str) -> None:
        self._http = http.client.HTTPConnection(host, timeout=PATIENCE)

    def post(self, sent: bytes, headers: Mapping[str, str]) -> tuple[int | None, bytes]:
        try:
            self._http.request("POST", PATH, sent, dict(headers))
            answer = self._http.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            return None, b""

    def close(self) -> None:
        self._http.close()
