"""The words for states that the pages show, and what they mean to people."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "accepted": "kept; not everything it leads to has ended",
    "completed": "everything it led to has ended well",
    "completed_with_errors": "everything has ended, and something is dead or unknown",
    "rejected": "refused as it came; nothing of it was kept",
    "pending": "waits for its turn",
    "sending": "a worker is at it",
    "retrying": "failed, and will be tried again",
    "parked": "waits until its integration goes on again",
    "delivered": "it is there",
    "dead": "refused for good; it can be sent again by hand",
    "unknown": "it may have arrived: no answer came, and sending it again could do it twice; somebody must decide",
    "skipped": "the mapping says that this integration does not get it",
    "suppressed": "the person was erased",
    "cancelled": "an operator stopped it",
    "paused": "an operator stopped it; what is accepted waits",
    "stopped": "its breaker is open: too much failed, so nothing is sent until a trial call works",
    "trying": "its breaker is half open: one call at a time, to see whether it works again",
    "waiting": "told to slow down",
    "catching_up": "what waited is sent first, at a limited rate",
    "disabled": "not enabled, or in no published mapping any more",
    "ok": "everything that is due is sent",
}
