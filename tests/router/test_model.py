from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model import (
    MAX_DESTINATIONS,
    MAX_RECORDS,
    delivery_id,
    identity_key,
    ids_of,
    new_request_id,
    record_id,
    record_index,
    record_of,
)

indexes = st.integers(0, MAX_RECORDS - 1)
destinations = st.integers(1, MAX_DESTINATIONS - 1)
requests = st.integers(0, 2**128 - 1).map(lambda n: UUID(int=(n & ~(0xF << 76) & ~(3 << 62)) | (7 << 76) | (2 << 62)))


def test_a_request_id_is_a_uuid_of_version_7_and_grows_with_time() -> None:
    ids = [new_request_id() for _ in range(1000)]
    assert {id.version for id in ids} == {7}
    assert [id.int >> 64 for id in ids] == sorted(id.int >> 64 for id in ids)


@given(requests, indexes, destinations)
def test_a_delivery_tells_its_record_and_its_request(request: UUID, index: int, destination: int) -> None:
    record = record_id(request, index)
    delivery = delivery_id(record, destination)
    low, high = ids_of(request)
    assert record.version == delivery.version == 8
    assert record_index(record) == record_index(delivery) == index
    assert record_of(delivery) == record
    assert low <= record < delivery <= high
    assert record.int >> 80 == request.int >> 80, "the time it begins with is the request's"


@given(requests, indexes, indexes, destinations, destinations)
def test_ids_of_one_request_never_meet(request: UUID, i: int, j: int, a: int, b: int) -> None:
    same = delivery_id(record_id(request, i), a) == delivery_id(record_id(request, j), b)
    assert same == ((i, a) == (j, b))


@pytest.mark.parametrize("index", [-1, MAX_RECORDS])
def test_an_index_out_of_range_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="record index"):
        record_id(new_request_id(), index)


@pytest.mark.parametrize("destination", [0, MAX_DESTINATIONS])
def test_a_destination_out_of_range_is_refused(destination: int) -> None:
    with pytest.raises(ValueError, match="destination"):
        delivery_id(record_id(new_request_id(), 0), destination)


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_identities_differ_unless_all_their_parts_are_the_same(one: list[str], other: list[str]) -> None:
    same = identity_key("c", "profile", "person", one) == identity_key("c", "profile", "person", other)
    assert same == (one == other)


def test_ledgers_keep_identities_that_stay_as_they_are() -> None:
    assert identity_key("shop", "profile", "person", ['Åsa "1"\n']) == UUID("fc16600f-5f5d-9ab1-6658-13daed989f2f")
