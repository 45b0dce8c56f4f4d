"""One destination as a worker sees it: its connector, how it may be called, and what an integration's policy says."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Command, Connector, Kind, Outcome
from connectors.http import within
from router import callback, logs
from router.judge import Policy
from router.ledger.base import Unavailable
from router.model import DueDelivery, Environment

AT_ONCE = 8
"""Calls of one chunk that are in flight together, unless the integration's budget says fewer."""
LONGEST_SEND = 60.0
"""Seconds that a connector may take for what it is given at once, however many requests that needs."""

Preview = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
Body = Callable[[DueDelivery], Mapping[str, Any]]

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Channel:
    """connector: None when it cannot be built, for the reason `broken`; then everything is refused.

    patience: seconds of one `send` after which the connector begins no further request.
    calls_per_second: the account's rate, which every call asks the ledger for. at_once: calls in flight together.
    preview: the masked HTTP request that production would send, for staging.
    body: a callback's payload, made from its request as it stands.
    """

    policy: Policy
    connector: Connector | None = None
    account: str = ""
    patience: float = LONGEST_SEND
    calls_per_second: float | None = None
    at_once: int = AT_ONCE
    broken: str = ""
    batches: Mapping[str, int] | None = None
    preview: Preview | None = None
    body: Body | None = None

    def batch(self, operation: str) -> int:
        """How many deliveries one call carries."""
        if self.connector is None or operation == callback.OPERATION:
            return 1
        known = self.connector.operations.get(operation)
        return (self.batches or {}).get(operation) or (known.batch if known else 1)

    def repeat_safe(self, operation: str) -> bool:
        """Whether a call that was cut off may simply be made again. Callbacks carry an id that their receiver knows."""
        if self.connector is None or operation == callback.OPERATION:
            return True
        known = self.connector.operations.get(operation)
        return known is None or known.repeat_safe

    def send(self, call: Sequence[DueDelivery]) -> Sequence[Outcome]:
        """One attempt of each. What a connector did not foresee is our fault, told and tried again.

        Raises `Unavailable` when the ledger was away before anything was sent.
        """
        operation = call[0].operation
        if self.connector is None:
            return [Outcome(Kind.REFUSED, self.broken)] * len(call)
        if call[0].environment is Environment.STAGING:
            return [Outcome(Kind.DELIVERED, "staging: nothing was sent")] * len(call)
        if operation != callback.OPERATION and operation not in self.connector.operations:
            return [Outcome(Kind.REFUSED, f"the connector has no operation {operation!r}")] * len(call)
        try:
            return self._sent(operation, [self._command(each) for each in call])
        except Unavailable:  # what a connector asks of the ledger is a token, and without one nothing leaves
            raise
        except Exception as error:  # noqa: BLE001 - the last line of defence: a connector's bug loses nothing
            log.error("connector failed", where=where(error), kind=type(error).__name__)
            safe = self.repeat_safe(operation)
            reason = f"our fault: {type(error).__name__} at {where(error)}"
            return [Outcome(Kind.RETRYABLE if safe else Kind.UNKNOWN, reason)] * len(call)

    def previewed(self, delivery: DueDelivery) -> Mapping[str, Any] | None:
        """What staging shows instead of sending."""
        if delivery.environment is not Environment.STAGING or self.preview is None:
            return None
        try:
            return self.preview(_wire_operation(delivery.operation), self._payload(delivery))
        except Exception as error:  # noqa: BLE001 - as in `send`
            log.error("preview failed", where=where(error), kind=type(error).__name__)
            return {"nothing_sent": f"our fault: {type(error).__name__} at {where(error)}"}

    def _sent(self, operation: str, commands: list[Command]) -> Sequence[Outcome]:
        assert self.connector is not None
        with within(self.patience):
            outcomes = self.connector.send(_wire_operation(operation), commands)
        if len(outcomes) != len(commands):
            raise ValueError(f"{len(outcomes)} outcomes for {len(commands)} commands")
        if not all(isinstance(each, Outcome) for each in outcomes):
            raise TypeError("what came back are not outcomes")
        return outcomes

    def _command(self, delivery: DueDelivery) -> Command:
        return Command(
            id=str(delivery.delivery_id),
            payload=self._payload(delivery),
            attempt=delivery.attempts + 1,
            age=delivery.age,
            accepted_at=delivery.accepted_at,
        )

    def _payload(self, delivery: DueDelivery) -> Mapping[str, Any]:
        return self.body(delivery) if self.body is not None else delivery.payload


def _wire_operation(operation: str) -> str:
    return "send" if operation == callback.OPERATION else operation


def where(error: BaseException) -> str:
    """File and line, without the message: it may quote a record."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{last[0].filename.rsplit('/', 1)[-1]}:{last[0].lineno}" if last else "?"
