"""Whatever a client may send is mapped, and the same set makes the same bytes wherever it is compiled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.mapping import Kind, Mapped, Source, Type, compile_set, digest, from_bytes, to_bytes
from router.mapping.coercion import Step, Unfit, coerce
from router.mapping.lineage import explain
from router.mapping.targets import of_schema
from router.mapping.transform import UNSET
from router.mapping.transforms import TRANSFORMS
from tests.mapping.sample import CLIENT, CONNECTORS, Person
from tests.mapping.strategies import value

ROOT = Path(__file__).parents[2]
TYPES = {
    **{f"{kind}": Type(kind) for kind in Kind if kind not in (Kind.LIST, Kind.ENUM)},
    **{f"{kind}s": Type(Kind.LIST, kind) for kind in Kind if kind not in (Kind.LIST, Kind.ENUM)},
    "level": Type(Kind.ENUM, values=("g", "s")),
}
TABLES = {"words": {"g": "gold", "true": "yes"}, "numbers": {"g": 1, "s": 2}}


def declared(one: Type) -> dict[str, Any]:
    words: dict[str, Any] = {"type": one.kind, "optional": True}
    return words | ({"of": one.of} if one.of else {}) | ({"values": list(one.values)} if one.values else {})


@st.composite
def steps(draw: st.DrawFn, given_type: Type) -> tuple[list[Any], Type]:
    """Up to four transforms that follow from one another, and the type they end with."""
    written: list[Any] = []
    for _ in range(draw(st.integers(0, 4))):
        fitting = {}
        for name, transform in TRANSFORMS.items():
            argument = draw(st.sampled_from(list(TABLES))) if transform.table else transform.examples[0].argument
            used = TABLES[argument] if transform.table else transform.default if argument is UNSET else argument
            if fitted := transform.fit(given_type, used):
                fitting[name] = (name if argument is UNSET else {name: argument}, fitted[1])
        if not fitting:
            break
        step, given_type = fitting[draw(st.sampled_from(sorted(fitting)))]
        written.append(step)
    return written, given_type


CONDITIONS = st.recursive(
    st.builds(lambda name, wanted: {"field": name, "exists": wanted}, st.sampled_from(list(TYPES)), st.booleans())
    | st.sampled_from(
        [{"field": "level", "equals": "g"}, {"field": "strings", "in": ["a", ""]}, {"field": "decimal", "equals": 0}]
    ),
    lambda inner: (
        st.builds(lambda one: {"not": one}, inner)
        | st.builds(
            lambda word, many: {word: many}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)
        )
    ),
    max_leaves=4,
)


@st.composite
def rules(draw: st.DrawFn, depth: int = 2) -> Any:
    """A rule onto a target that takes anything."""
    kind = draw(st.sampled_from(["name", "from", "several", "value", "each", *(["list", "map"] if depth else [])]))
    names = st.sampled_from(list(TYPES))
    more = {"when": draw(CONDITIONS)} if draw(st.booleans()) else {}
    if kind == "name":
        return draw(names)
    if kind == "from":
        name = draw(names)
        transform, _ = draw(steps(TYPES[name]))
        default = {"default": draw(st.sampled_from(["x", 5, True, ["a"]]))} if draw(st.booleans()) else {}
        return {"from": name, **({"transform": transform} if transform else {}), **default, **more}
    if kind == "several":
        return {"from": draw(st.lists(names, min_size=1, max_size=3)), **more}
    if kind == "value":
        return {"value": draw(st.sampled_from(["x", 5, 1.5, True, ["a", "b"]])), **more}
    if kind == "each":
        return {"each": draw(st.lists(names, min_size=1, max_size=3, unique=True)), **more}
    inner = rules(depth=depth - 1)
    if kind == "list":
        return {"list": draw(st.lists(inner, min_size=1, max_size=3)), **more}
    return {"map": draw(st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)), **more}


def file(rule: Any) -> str:
    """A mapping with one rule, as JSON, which is YAML."""
    fields = {"id": {"type": "string"}, **{name: declared(one) for name, one in TYPES.items()}}
    deliver = {"crm": {"operation": "track", "map": {"ref": "id", "made": rule}}}
    return json.dumps(
        {
            "entity": "profile",
            "type": "person",
            "hard_id": ["id"],
            "fields": fields,
            "tables": TABLES,
            "deliver": deliver,
        }
    )


RECORDS = st.fixed_dictionaries(
    {"id": st.text("abc", min_size=1)}, optional={name: st.none() | value(one) for name, one in TYPES.items()}
)


@settings(deadline=None, max_examples=150)
@given(rule=rules(), records=st.lists(RECORDS, min_size=1, max_size=4))
def test_any_record_that_satisfies_a_contract_is_mapped_alike_by_every_compilation(
    rule: Any, records: list[dict[str, Any]]
) -> None:
    sources = (Source("shop/client.yaml", CLIENT), Source("shop/profile.person.yaml", file(rule)))
    here = compile_set(sources, CONNECTORS)
    there = compile_set(from_bytes(to_bytes(reversed(sources))), CONNECTORS)
    assert here.digest == there.digest
    entry, other = (one.entry("shop", "main", "profile", "person") for one in (here, there))
    assert entry is not None
    assert other is not None
    for record in records:
        values, problems = entry.contract.validate(record)
        assert problems == []
        (route,), (again,) = entry.routes, other.routes
        outcome = route.map(values)
        assert isinstance(outcome, Mapped)
        payload = json.dumps(outcome.payload, allow_nan=False)
        assert payload == json.dumps(again.map(json.loads(json.dumps(values))).payload, allow_nan=False)  # type: ignore[union-attr]
        (explained,) = explain(entry, record, reveal=True).integrations
        assert json.dumps(explained.payload, allow_nan=False) == payload
        sent = {one.target for one in explained.fields if not one.absent}
        assert ("made" in outcome.payload) == any(target.startswith("made") for target in sent)


TARGETS = {name: one for name, one in of_schema(Person).members.items() if name not in ("email", "state")}
FITTING = [
    (name, kind)
    for name, target in TARGETS.items()
    for kind, one in TYPES.items()
    if not isinstance(coerce(one, target), Unfit)
]


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_what_may_stand_at_a_target_is_what_the_target_takes(data: Any) -> None:
    name, kind = data.draw(st.sampled_from(FITTING))
    given_value = data.draw(value(TYPES[kind]))
    step = coerce(TYPES[kind], TARGETS[name])
    made = step.run(given_value) if isinstance(step, Step) else given_value
    assert TARGETS[name].wrong(made) is None


ELSEWHERE = """
import json, sys
from router.mapping import Mapped, compile_set, from_bytes
from tests.mapping.sample import CONNECTORS
for stored, records in json.load(sys.stdin):
    made = compile_set(from_bytes(stored.encode()), CONNECTORS)
    entry = made.entry("shop", "main", "profile", "person")
    (route,) = entry.routes
    outcomes = [route.map(entry.contract.validate(record)[0]) for record in records]
    print(made.digest, json.dumps([each.payload for each in outcomes], ensure_ascii=False, separators=(",", ":")))
"""
"""What another process makes of stored sets and records."""


def test_processes_that_hash_otherwise_make_the_same_bytes() -> None:
    kept: list[tuple[str, list[dict[str, Any]]]] = []

    @settings(deadline=None, max_examples=60)
    @given(rule=rules(), records=st.lists(RECORDS, min_size=1, max_size=3))
    def collect(rule: Any, records: list[dict[str, Any]]) -> None:
        sources = (Source("shop/client.yaml", CLIENT), Source("shop/profile.person.yaml", file(rule)))
        kept.append((to_bytes(sources).decode(), records))

    collect()
    first, second = (elsewhere(kept, seed) for seed in ("1", "20261"))
    assert first == second
    assert [line.split(" ", 1)[0] for line in first] == [digest(from_bytes(stored.encode())) for stored, _ in kept]


def elsewhere(kept: list[tuple[str, list[dict[str, Any]]]], seed: str) -> list[str]:
    """A line for each set, from a process with this seed for its hashes."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps(kept),
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
        cwd=ROOT,
    )
    return done.stdout.split("\n")[:-1]
