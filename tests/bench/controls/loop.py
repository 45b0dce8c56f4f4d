"""A loop over `requests`: the least that delivering to three providers costs without any of their batch endpoints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe

import requests

from tests.bench.controls.wire_formats import PROVIDERS
from tests.bench.people import person


@dataclass(frozen=True, slots=True)
class Looped:
    """records delivered to all three, seconds that took, and seconds of CPU."""

    records: int
    seconds: float
    cpu: float


def loop(url: str, numbers: Sequence[int]) -> Looped:
    """Deliver in a process of its own."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, url, numbers), daemon=True)
    process.start()
    found = ours.recv()
    process.join()
    assert isinstance(found, Looped)
    return found


def _run(pipe: Pipe, url: str, numbers: Sequence[int]) -> None:
    with requests.Session() as session:
        session.get(url)  # connected
        clock, cpu = time.monotonic(), time.process_time()
        for number in numbers:
            data = person(number)
            for provider in PROVIDERS.values():
                answer = session.post(
                    url + provider.path, headers=provider.headers, json=provider.body(data), timeout=20
                )
                answer.raise_for_status()
                answer.json()
        pipe.send(Looped(len(numbers), time.monotonic() - clock, time.process_time() - cpu))
