"""Every way in which bytes are not a body."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.http.body import BodyError, JsonReader, Limits

READER = JsonReader(Limits())
MIB = 1 << 20

FAULTS = {
    "empty": (b"", "the body is empty; send JSON"),
    "blank": (b" \r\n", "the body is empty; send JSON"),
    "cut short": (b'{"a": 1', "not JSON at column 8: expecting ',' delimiter"),
    "on a later line": (b'{\n "a": x}', "not JSON at line 2, column 7: expecting value"),
    "two values": (b"{} {}", "not JSON at column 4: extra data"),
    "raw control character": (b'"a\x01"', "not JSON at column 3: invalid control character"),
    "raw zero": (b'"\x00"', "not JSON at column 2: invalid control character"),
    "byte order mark": (b"\xef\xbb\xbf{}", "not JSON at column 1: expecting value"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8: byte 0xff at offset 0, line 1"),
    "latin-1": ('{"a":\n "Å"}'.encode("latin-1"), "not UTF-8: byte 0xc5 at offset 8, line 2"),
    "UTF-8 of a surrogate": (b'"\xed\xa0\x80"', "not UTF-8: byte 0xed at offset 1, line 1"),
    "named twice": (b'{"data": {"a": 1, "b": 1, "a": 1}}', 'an object names "a" twice'),
    "named twice, once escaped": (b'{"a": 1, "\\u0061": 1}', 'an object names "a" twice'),
    "NaN": (b'{"a": NaN}', "not JSON: NaN is not a value of JSON"),
    "Infinity": (b"[-Infinity]", "not JSON: -Infinity is not a value of JSON"),
    "a float too large": (b'{"a": 1e999}', "the number 1e999 is out of range"),
    "a float of 400 digits": (b"[" + b"9" * 400 + b".5]", f"the number {'9' * 40}… is out of range"),
    "an integer of 65 bits": (b"[9223372036854775808]", "the number 9223372036854775808 is out of range (64 bits)"),
    "100,001 objects": (
        b"[" + b"{}," * 100_000 + b"{}]",
        "the body has more than 100,000 objects; send it in parts",
    ),
    "more than a million values": (
        b"[" + b"1," * 1_000_001 + b"1]",
        "the body has more than 1,000,000 values; send it in parts",
    ),
    "6 levels": (b'{"a":[[[[[]]]]]}', "nested deeper than 5 levels"),
    "1,001 fields": (
        json.dumps({f"f{i}": i for i in range(1001)}).encode(),
        "an object has more than 1,000 fields",
    ),
    "an escaped zero": (
        b'{"data": [{"a": "x\\u0000"}]}',
        "data[0].a: contains the character U+0000, which cannot be kept",
    ),
    "a zero in a name": (b'{"a\\u0000": 1}', "the body: contains the character U+0000, which cannot be kept"),
    "a high surrogate alone": (b'["\\ud83d"]', "[0]: contains half a surrogate pair (\\ud83d), which cannot be kept"),
    "a low surrogate alone": (b'["\\uDE00"]', "[0]: contains half a surrogate pair (\\ude00), which cannot be kept"),
    "two high surrogates": (
        b'{"a": "\\ud83d\\ud83d\\ude00"}',
        "a: contains half a surrogate pair (\\ud83d), which cannot be kept",
    ),
}


@pytest.mark.parametrize(("raw", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_fault(raw, message):
    with pytest.raises(BodyError) as caught:
        READER.read(raw)
    assert caught.value.messages == (message,)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": "\\ud83d\\ude00 \\u00e5 \\\\u0000 \\\\ud83d"}', {"a": "😀 å \\u0000 \\ud83d"}),
        (b'{"a": [-9223372036854775808, 9223372036854775807, 1e300]}', {"a": [-(2**63), 2**63 - 1, 1e300]}),
        (b'{"a": [[[[]]]]}', {"a": [[[[]]]]}),
        (b" null\n", None),
    ],
    ids=["escapes that are fine", "the largest numbers", "5 levels", "a bare value"],
)
def test_fine(raw, value):
    assert READER.read(raw) == value


def test_integers_may_be_rounded():
    assert JsonReader(Limits(round_integers=True)).read(b"[9223372036854775808]") == [2.0**63]


BOMBS = {
    "[": b"[" * MIB,
    "{": b'{"a":' * (MIB // 5),
    "closed [": b"[" * (MIB // 2) + b"]" * (MIB // 2),
    "digits": b"1" * MIB,
    "decimals": b"0." + b"1" * MIB,
    "exponent": b"1e" + b"9" * MIB,
    "empty objects": b"[" + b"{}," * (MIB // 3) + b"{}]",
    "numbers": b"[" + b"1," * (MIB // 2) + b"1]",
    "one name": b"{" + b'"a":1,' * (MIB // 6) + b'"a":1}',
    "many names": ("{" + ",".join(f'"{i}":1' for i in range(MIB // 10)) + "}").encode(),
    "escapes": b'"' + b"\\u0041" * (MIB // 6) + b'"',
    "surrogates": b'"' + b"\\ud83d" * (MIB // 6) + b'"',
    "backslashes": b'"' + b"\\" * MIB + b'"',
    "quotes": b'"' * MIB,
    "newlines": b"\n" * MIB,
    "zeros": b"\x00" * MIB,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("read", [READER.read, READER.read_lines], ids=["body", "lines"])
@pytest.mark.timeout(10)
def test_bomb(read, bomb):
    """A value or a short sentence, never anything else."""
    messages: tuple[str, ...] = ()
    try:
        read(bomb)
    except BodyError as error:
        messages = error.messages
    assert all(len(message) < 150 for message in messages)


@given(st.binary(max_size=60) | st.text('{}[]",:\\ud83e01aNn ', max_size=60).map(str.encode))
def test_any_bytes(raw):
    """What is read can be kept: as UTF-8, without U+0000, and the same when read again."""
    for read in (READER.read, READER.read_lines):
        try:
            value = read(raw)
        except BodyError:
            continue
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        assert json.loads(text.encode("utf-8")) == value
        assert "\0" not in str(value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab{}[]\\\"", max_size=4), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: _depth(value) <= 5)  # fmt: skip


def _depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@given(JSON_VALUES, st.booleans())
def test_whatever_json_writes_is_read(value, ascii_only):
    assert READER.read(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


# ---- newline-delimited -----------------------------------------------------------------------------------------------


def test_lines():
    raw = '{"a": "Å\u2028"}\r\n\n{"a": "\\u00e5"}'.encode()
    assert READER.read_lines(raw) == [{"a": "Å\u2028"}, {"a": "å"}]


LINE_FAULTS = {
    "every bad line": (
        b'{"a": 1}\n{"a": }\n\n{"a": 1, "a": 1}\n{"a": "\\ud800"}',
        (
            "line 2: not JSON at column 7: expecting value",
            'line 4: an object names "a" twice',
            "line 5: a: contains half a surrogate pair (\\ud800), which cannot be kept",
        ),
    ),
    "fifty of them": (b"x\n" * 60, tuple(f"line {n}: not JSON at column 1: expecting value" for n in range(1, 51))),
    "none": (b"\n \n", ("the body is empty; send one JSON object a line",)),
    "too many": (b"{}\n" * 10_001, ("the body has more than 10,000 lines; send it in parts",)),
    "too many, the last not ended": (
        b"{}\n" * 10_000 + b"{}",
        ("the body has more than 10,000 lines; send it in parts",),
    ),
    "not UTF-8": (b"{}\n\xff", ("not UTF-8: byte 0xff at offset 3, line 2",)),
}


@pytest.mark.parametrize(("raw", "messages"), LINE_FAULTS.values(), ids=LINE_FAULTS.keys())
def test_line_faults(raw, messages):
    with pytest.raises(BodyError) as caught:
        READER.read_lines(raw)
    assert caught.value.messages == messages


def test_ten_thousand_lines_are_fine():
    assert len(READER.read_lines(b"{}\n" * 10_000)) == 10_000
