"""Every shape of wrapper, and every fault of one told at once."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.http.wrapper import Form, Submission, WrapperError, unwrap, unwrap_lines

V1, V2 = Form(typed=False), Form()
PRODUCTS = Form(typed=False, array=True)
GARBLED = Form(garbled=True)
PIN = "3F2A0f5e-0d57-4c0c-9d3a-6f4f7d2f0a11"
A, B = {"customer_id": 1}, {"customer_id": 2}

UNDERSTOOD = {
    "v2": ({"type": "person", "groupKey": "g", "data": A}, V2, Submission("person", "g", (A,), False)),
    "no group": ({"type": "person", "data": A}, V2, Submission("person", None, (A,), False)),
    "null group": ({"type": "person", "groupKey": None, "data": A}, V2, Submission("person", None, (A,), False)),
    "the other spelling": ({"type": "person", "group_key": "g", "data": A}, V2, Submission("person", "g", (A,), False)),
    "both spellings": (
        {"type": "person", "group_key": "g", "groupKey": "g", "data": A},
        V2,
        Submission("person", "g", (A,), False),
    ),
    "garbled": ({"type": "person", "null": "g", "data": A}, GARBLED, Submission("person", "g", (A,), False)),
    "garbled, not understood": (
        {"type": "person", "null": "g", "data": A},
        V2,
        Submission("person", None, (A,), False),
    ),
    "array": ({"type": "person", "data": [A, B]}, V2, Submission("person", None, [A, B], True)),
    "five hundred": ({"type": "p", "data": [A] * 500}, V2, Submission("p", None, [A] * 500, True)),
    "pinned": ({"type": "p", "data": A, "datatalksId": PIN}, V2, Submission("p", None, (A,), False, UUID(PIN))),
    "pinned array of one": (
        {"type": "p", "data": [A], "datatalksId": PIN},
        V2,
        Submission("p", None, [A], True, UUID(PIN)),
    ),
    "unknown members": ({"type": "p", "data": A, "more": [1]}, V2, Submission("p", None, (A,), False)),
    "v1": ({"group_key": "g", "data": A}, V1, Submission("", "g", (A,), False)),
    "v1 knows no type and no pin": (
        {"groupKey": "g", "data": A, "type": 5, "datatalksId": 5},
        V1,
        Submission("", "g", (A,), False),
    ),
    "v1 products": ({"group_key": "g", "data": [A]}, PRODUCTS, Submission("", "g", [A], True)),
}


@pytest.mark.parametrize(("body", "form", "submission"), UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_understood(body, form, submission):
    assert unwrap(body, form) == submission


OBJECT = "data: must be an object or an array of objects"
HINT = "datatalksId: must be a UUID, such as 3f2a0f5e-0d57-4c0c-9d3a-6f4f7d2f0a11"

UNREADABLE = {
    "not an object": ([], V2, ["the body must be an object with the members type and data"]),
    "not an object, v1": ("x", V1, ["the body must be an object with the members data"]),
    "empty": ({}, V2, ["type: missing", "data: missing"]),
    "empty, v1": ({}, V1, ["group_key: missing", "data: missing"]),
    "nulls": ({"type": None, "data": None}, V2, ["type: missing", "data: missing"]),
    "everything at once": (
        {"type": 5, "groupKey": 5, "data": 5, "datatalksId": 5},
        V2,
        ["groupKey: must be text", HINT, "type: must be text, and not empty", OBJECT],
    ),
    "empty type": ({"type": "", "data": A}, V2, ["type: must be text, and not empty"]),
    "data is text": ({"type": "p", "data": "x"}, V2, [OBJECT]),
    "data is empty": ({"type": "p", "data": []}, V2, ["data: is empty; send at least one record"]),
    "too many": (
        {"type": "p", "data": [A] * 501},
        V2,
        ["data: holds 501 records; send at most 500 at once, or newline-delimited JSON"],
    ),
    "records that are none": (
        {"type": "p", "data": [A, 5, None, [A]]},
        V2,
        ["data[1]: must be an object", "data[2]: must be an object", "data[3]: must be an object"],
    ),
    "one product": ({"group_key": "g", "data": A}, PRODUCTS, ["data: must be an array of objects"]),
}


@pytest.mark.parametrize(("body", "form", "messages"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable(body, form, messages):
    with pytest.raises(WrapperError) as caught:
        unwrap(body, form)
    assert list(caught.value.messages) == messages


FAULTY = {
    "empty group": ({"groupKey": ""}, V2, "groupKey: must be the name of a group, not empty"),
    "group is a number": ({"group_key": 5}, V2, "group_key: must be text"),
    "two groups": (
        {"groupKey": "g", "group_key": "h"},
        V2,
        "groupKey and group_key: name different groups; send one of them",
    ),
    "garbled group is a number": ({"null": 5}, GARBLED, "null: must be text"),
    "no group, v1": ({}, V1, "group_key: missing"),
    "pin is a number": ({"datatalksId": 5}, V2, HINT),
    "pin is no UUID": ({"datatalksId": "x"}, V2, HINT),
    "pin without hyphens": ({"datatalksId": PIN.replace("-", "")}, V2, HINT),
    "pin in braces": ({"datatalksId": f"{{{PIN}}}"}, V2, HINT),
    "one pin for two": (
        {"datatalksId": PIN, "data": [A, B]},
        V2,
        "datatalksId: names one record, and data holds 2; send it with one",
    ),
}


@pytest.mark.parametrize(("members", "form", "message"), FAULTY.values(), ids=FAULTY.keys())
def test_faults_that_leave_the_records_readable(members, form, message):
    submission = unwrap({"type": "p", "data": A} | members, form)
    assert submission.faults == (message,)


def test_lines():
    assert unwrap_lines([A, B], {"type": "p", "groupKey": "g"}, V2) == Submission("p", "g", [A, B], True)


def test_lines_of_v1():
    assert unwrap_lines([A], {"group_key": "g"}, PRODUCTS) == Submission("", "g", [A], True)


def test_lines_without_a_type_and_with_a_scalar():
    with pytest.raises(WrapperError) as caught:
        unwrap_lines([A, 5], {}, V2)
    assert caught.value.messages == ("type: missing", "data[1]: must be an object")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
WRAPPERS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("type", "groupKey", "group_key", "null", "data", "datatalksId"), JSON)
)


@given(JSON | WRAPPERS, st.builds(Form, st.booleans(), st.booleans(), st.booleans()))
def test_any_json(body, form):
    """Either it is told what is wrong, or there are records to look at."""
    try:
        submission = unwrap(body, form)
    except WrapperError as error:
        submission = None
        messages = error.messages
    assert messages if submission is None else all(isinstance(record, dict) for record in submission.records)
