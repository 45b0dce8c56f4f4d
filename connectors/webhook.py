"""Any URL that takes JSON, signed by Standard Webhooks 1.0.0 (reliability.md §4.10). Callbacks go out through it."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import INCLUDE, Schema, ValidationError, fields

from connectors.base import Answer, Command, Operation, Outcome, Tokens, Wire
from connectors.errors import WireError
from connectors.options import ConnectorOptions, HttpUrl
from connectors.outcomes import delivered, excerpt, limited, of_failure, refused, retryable

PREFIX = "whsec_"
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"})


def keys(secret: str) -> list[bytes]:
    """The keys of one or several space-separated secrets, `whsec_` and base64. Raises ValueError, which hides them."""
    found = []
    for one in secret.split():
        try:
            key = b64decode(one.removeprefix(PREFIX), validate=True)
        except ValueError:
            raise ValueError(f"a secret is {PREFIX} and base64") from None
        if not 24 <= len(key) <= 64:
            raise ValueError("a secret holds 24 to 64 bytes")
        found.append(key)
    if not found:
        raise ValueError("a secret is needed")
    return found


def signature(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature for each key, so that a receiver may change its key at leisure."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join("v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


def _check_secret(value: str) -> None:
    try:
        keys(value)
    except ValueError as fault:
        raise ValidationError(str(fault)) from None


def _check_headers(value: Mapping[str, str]) -> None:
    for name, content in value.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("webhook-"):
            raise ValidationError(f"{name!r} is not a header that may be added")
        if not content.isascii() or not content.isprintable():
            raise ValidationError(f"the value of {name!r} must be printable ASCII")


class Options(ConnectorOptions):
    class Meta:
        exclude = ("base_url",)

    url = HttpUrl(required=True, metadata={"description": "Where to POST, https:// and public"})
    secret = fields.String(
        required=True,
        validate=_check_secret,
        metadata={
            "secret": True,
            "description": "whsec_…; several, separated by spaces, while the receiver changes it",
        },
    )
    headers = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        validate=_check_headers,
        metadata={"description": "Headers to add"},
    )


class Anything(Schema):
    """Any JSON object."""

    class Meta:
        unknown = INCLUDE


class Webhook:
    options: ClassVar[type[Schema]] = Options
    masked: ClassVar[frozenset[str]] = frozenset()
    operations: ClassVar[Mapping[str, Operation]] = {
        "send": Operation(
            Anything,
            frozenset({"profile", "event", "inventory", "device", "alias"}),
            description="POST the payload as a JSON object; the receiver tells repeats by webhook-id",
        )
    }

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None:  # noqa: ARG002 (the port's)
        self._url = options["url"]
        self._keys = keys(options["secret"])
        self._headers = options["headers"]
        self._wire = wire

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:  # noqa: ARG002 (there is one)
        return [self._send(command) for command in commands]

    def _send(self, command: Command) -> Outcome:
        timestamp = int(time.time())  # of the attempt: receivers refuse old ones; the id stays the same

        def sign(_: str, __: str, ___: Mapping[str, str], body: bytes) -> dict[str, str]:
            return {
                "webhook-id": command.id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signature(self._keys, command.id, timestamp, body),
            }

        try:
            answer = self._wire.call("POST", self._url, headers=self._headers, json=command.payload, sign=sign)
        except WireError as error:
            return of_failure(error, repeat_safe=True)
        return judge(answer)


def judge(answer: Answer) -> Outcome:
    """api.md §5: 2xx is received, 410 ends the subscription, anything else is retried; a redirect is a wrong URL."""
    status, wait = answer.status, answer.retry_after
    if 200 <= status < 300:
        return delivered(status=status)
    if status == 410:
        return refused("the receiver ended the subscription", status)
    if 300 <= status < 400:
        return refused("the URL redirects, which is not followed: configure the address it leads to", status)
    if status == 429:
        return limited("the receiver asks to slow down", status, wait)
    shown = excerpt(answer.body)
    return retryable(f"the receiver answered {status}" + (f": {shown}" if shown else ""), status, wait)
