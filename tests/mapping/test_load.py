"""YAML as YAML 1.2 reads it, with a place for everything, and nothing that surprises."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from router.mapping import Broken, Source, digest, from_bytes, read_tree, to_bytes
from router.mapping.faults import Sheet
from router.mapping.lint import check
from router.mapping.load import MAX_BYTES, MAX_DEPTH, parse
from tests.mapping.sample import CONNECTORS

SCALARS = {
    "NO": "NO",
    "on": "on",
    "yes": "yes",
    "12:30": "12:30",
    "12:30:00": "12:30:00",
    "1985-12-10": "1985-12-10",
    "2021-03-18 11:35:24": "2021-03-18 11:35:24",
    "0x1F": 31,
    "0o17": 15,
    "017": 17,
    "1_000": "1_000",
    "1e3": 1000.0,
    "-1.5": -1.5,
    ".5": 0.5,
    "true": True,
    "False": False,
    "TRUE": True,
    "null": None,
    "~": None,
    "": None,
    '"null"': "null",
    "'5'": "5",
    "=": "=",
    "<<": "<<",
}


def read(text: str) -> tuple[Any, list[str]]:
    sheet = Sheet()
    node = parse(Source("f.yaml", text), sheet)
    return (node.plain() if node else None), [str(fault) for fault in sheet.told()]


@pytest.mark.parametrize(("written", "value"), SCALARS.items(), ids=SCALARS)
def test_plain_scalars_are_those_of_yaml_1_2(written: str, value: Any) -> None:
    made = read(f"a: {written}\n")[0]["a"]
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan", "1e999", "9223372036854775808", "9" * 5000])
def test_numbers_that_json_or_64_bits_cannot_hold_are_told(written: str) -> None:
    (fault,) = read(f"a: {written}\n")[1]
    assert fault.startswith("f.yaml:1:4: ")
    assert fault.endswith("is not a number that can be used; quote it if it is text")


def test_keys_are_text_whatever_they_look_like() -> None:
    assert read("{NO: 1, 5: 2, null: 3, true: 4}")[0] == {"NO": 1, "5": 2, "null": 3, "true": 4}


BOMB = "a: &a [x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
REFUSED = {
    "alias bomb": (BOMB, "f.yaml:1:4: anchors and aliases are not part of the language; write it out"),
    "merge key": ("a: {<<: *b}", "f.yaml:1:9: anchors and aliases are not part of the language; write it out"),
    "python tag": ("a: !!python/object/apply:os.system [ls]", "f.yaml:1:4: tags are not part of the language"),
    "own tag": ("a: !env HOME", "f.yaml:1:4: tags are not part of the language: !env"),
    "duplicate keys": ("a: 1\nb: 2\na: 3", "f.yaml:3:1: 'a' is already set in line 1"),
    "a list as key": ("? [a]\n: 1", "f.yaml:1:3: a key must be text"),
    "two documents": ("a: 1\n---\nb: 1", "f.yaml:2:1: a second document; a file holds one"),
    "nothing": ("# only a comment\n", "f.yaml:1:1: the file is empty"),
    "too deep": ("[\n" * 100_000, f"f.yaml:{MAX_DEPTH}:1: nested deeper than {MAX_DEPTH} levels"),
    "too large": ("a: " + "x" * MAX_BYTES, "f.yaml:1:1: larger than 256 KB"),
    "a tab": ("a:\n\tb: 1", "f.yaml:2:1: not YAML: found character that cannot start any token"),
    "a control character": ("a: \x00", "f.yaml:1:1: not YAML: "),
    "open bracket": ("a: [1\nb: 2", "f.yaml:2:2: not YAML: did not find expected ',' or ']'"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_unsafe_or_surprising_is_refused_with_its_place(text: str, expected: str) -> None:
    (fault,) = read(text)[1]
    assert fault.startswith(expected)


def test_a_tree_is_read_sorted_and_the_digest_does_not_depend_on_where_it_lies(tmp_path: Path) -> None:
    trees = []
    for name in ("here", "there"):
        (tmp_path / name / "shop" / "main").mkdir(parents=True)
        (tmp_path / name / "shop" / "b.yaml").write_bytes("\ufeffb: å\r\n".encode())
        (tmp_path / name / "shop" / "main" / "a.yaml").write_text("a: 1\n")
        (tmp_path / name / "shop" / ".hidden.yaml").write_text("x")
        (tmp_path / name / "README.md").write_text("x")
        trees.append(read_tree(tmp_path / name))
    assert [(source.path, source.text) for source in trees[0]] == [
        ("shop/b.yaml", "b: å\n"),
        ("shop/main/a.yaml", "a: 1\n"),
    ]
    assert digest(trees[0]) == digest(reversed(trees[1])) == digest(from_bytes(to_bytes(trees[1])))
    assert digest(trees[0]) == "sha256:7a60f2f484241ee72423f083ba7c834c43b6b110d260e426f73227af6a0ab46e"


NOT_TEXT = {
    "latin-1": (b"a: 1\nb: \xe5\n", "2:4"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "1:1"),
    "half a character": (b"a: \xc3", "1:4"),
}


@pytest.mark.parametrize(("content", "place"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_what_is_not_utf_8_is_told_beside_all_else(tmp_path: Path, content: bytes, place: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.yaml").write_bytes(content)
    (tmp_path / "shop" / "b.yaml").write_text("")
    sources = read_tree(tmp_path)
    assert {str(fault).partition("/shop/")[2] for fault in check(sources, CONNECTORS)} == {
        f"a.yaml:{place}: not UTF-8",
        "a.yaml:1:1: client 'shop' has no client.yaml",
        "b.yaml:1:1: the file is empty",
    }


UNPRINTABLE = "the file's name must be text that can be printed"
ODD_NAMES = {
    "capitals": ("a.YAML", "shop/a.YAML:1:1: the file's name must end with .yaml: a.yaml"),
    "not UTF-8": (os.fsdecode(b"b\xff.yaml"), rf"shop/b\udcff.yaml:1:1: {UNPRINTABLE}"),
    "for a terminal": ("c\x1b[2J.yaml", f"shop/c\x1b[2J.yaml:1:1: {UNPRINTABLE}"),
}


@pytest.mark.parametrize(("name", "expected"), ODD_NAMES.values(), ids=ODD_NAMES)
def test_a_file_of_an_odd_name_is_told_and_not_left_out(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / name).write_text("a: 1")
    (fault,) = check(read_tree(tmp_path), CONNECTORS)
    assert str(fault) == f"{tmp_path}/{expected}"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "directory.yaml").mkdir()
    with pytest.raises(Broken) as broken:
        read_tree(tmp_path)
    assert [fault.message for fault in broken.value.faults] == [
        "cannot be read: No such file or directory",
        "cannot be read: Too many levels of symbolic links",
        "cannot be read: not a file",
    ]


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such directory: .*nowhere"):
        read_tree(tmp_path / "nowhere")


@pytest.mark.parametrize("stored", [b"", b"{}x", b"[1]", b'{"a": 1}', b"null"])
def test_bytes_that_are_no_set_are_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match="not a stored set of mappings"):
        from_bytes(stored)
