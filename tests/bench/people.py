"""The records of the benchmark: person number n, known again anywhere by the address `n<nine digits>@bench.example`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

MARK = re.compile(rb"n(\d{9})@bench\.example")
"""Occurs once in what a destination is sent of a record."""

_CITIES = ("Stockholm", "Göteborg", "Malmö", "Umeå", "Uppsala", "Lund", "Kiruna", "Visby")


def email(number: int) -> str:
    return f"n{number:09d}@bench.example"


def person(number: int) -> dict[str, str | None]:
    """Eight fields, as a shop sends them."""
    return {
        "customer_id": f"c-{number}",
        "email": email(number),
        "first_name": "Ada",
        "last_name": f"Lovelace {number % 9973}",
        "phone": None if number % 5 == 0 else f"+46 70 {number % 10**7:07d}",
        "postal_code": f"{100 + number % 900} {number % 90 + 10}",
        "city": _CITIES[number % len(_CITIES)],
        "birth_date": f"{1940 + number % 60}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
    }


def profiles_body(numbers: Sequence[int], group: str) -> bytes:
    """The body of `POST /v2/profiles`: one record, or an array of them."""
    data = [person(number) for number in numbers]
    body = {"type": "person", "groupKey": group, "data": data[0] if len(data) == 1 else data}
    return json.dumps(body, ensure_ascii=False).encode()


def events_body(numbers: Iterable[int]) -> bytes:
    """The body of `POST /api/client/events`, which is always an array."""
    return json.dumps([_event(number) for number in numbers]).encode()


def identify_body(number: int) -> bytes:
    """The body of `POST /api/client/identify`."""
    who = person(number)
    return json.dumps(
        {"external_id": who["customer_id"], "email": who["email"], "data": {"city": who["city"]}}
    ).encode()


def _event(number: int) -> dict[str, object]:
    data = {"sku": f"A-{number % 500}", "price": 49.99, "receipt": email(number)}
    return {"name": "purchase", "external_id": f"c-{number}", "data": data}
