"""Postbox: letters, one by one. A whole connector of another package; it needs nothing of ours but `connectors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import Schema, fields

from connectors.base import Answer, Command, Kind, Operation, Outcome, Tokens, Wire
from connectors.errors import WireError
from connectors.options import BaseUrl, ConnectorOptions
from connectors.outcomes import delivered, excerpt, invalid, of_failure

MEANING: Mapping[int, Kind] = {401: Kind.REFUSED, 403: Kind.REFUSED, 408: Kind.RETRYABLE, 429: Kind.LIMITED}
OTHERWISE: Mapping[int, Kind] = {3: Kind.REFUSED, 4: Kind.REJECTED, 5: Kind.RETRYABLE}


class Options(ConnectorOptions):
    base_url = BaseUrl(required=True, metadata={"description": "where the postbox hangs"})
    key = fields.String(required=True, metadata={"secret": True, "description": "opens the postbox"})


class Letter(Schema):
    to = fields.String(required=True, metadata={"description": "whom it is for"})
    text = fields.String(required=True)


class Postbox:
    options: ClassVar[type[Schema]] = Options
    masked: ClassVar[frozenset[str]] = frozenset()
    operations: ClassVar[Mapping[str, Operation]] = {
        "drop": Operation(Letter, frozenset({"event"}), repeat_safe=False, description="a letter more each time")
    }

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None:
        self._url = options["base_url"] + "/letters"
        self._headers = {"Authorization": f"Bearer {options['key']}"}
        self._wire = wire

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        return [self._drop(command) for command in commands]

    def _drop(self, command: Command) -> Outcome:
        if faults := Letter().validate(command.payload):
            return invalid(faults)
        try:
            answer = self._wire.call("POST", self._url, headers=self._headers, json=command.payload)
        except WireError as error:
            return of_failure(error, repeat_safe=False)
        return judge(answer)


def judge(answer: Answer) -> Outcome:
    if answer.status == 201:
        return delivered(status=201)
    kind = MEANING.get(answer.status) or OTHERWISE.get(answer.status // 100, Kind.RETRYABLE)
    reason = f"the postbox answered {answer.status}: {excerpt(answer.body)}"
    return Outcome(kind, reason, answer.status, retry_after=answer.retry_after)
