"""What differs between two sets, and what that would have meant for yesterday's records."""

from __future__ import annotations

import pytest

from router.mapping import MappingSet
from router.mapping.backtest import RECORD, Place, Recorded, Sample, Verdict, backtest
from router.mapping.diff import diff
from router.model import Action
from tests.mapping.sample import CLIENT, PERSON, changed, compiled

P = "profile.person.yaml"
WHERE = "shop/main profile.person"
OLD = compiled({P: PERSON})

CHANGES = {
    "nothing": ({P: PERSON}, []),
    "another way to write the same": ({P: changed("name: id", "name: {from: id}") + "# a comment\n"}, []),
    "a rule": (
        {P: changed("name: id", "name: {from: id, transform: [upper, {truncate: 5}]}")},
        [f'~ {WHERE} crm name: {{"from": "id"}} → {{"from": "id", "transform": ["upper", {{"truncate": 5}}]}}'],
    ),
    "a rule less": ({P: changed("      name: id\n", "")}, [f'- {WHERE} crm name: {{"from": "id"}}']),
    "a rule more": (
        {P: PERSON + "      address: {map: {city: id}}\n"},
        [f'+ {WHERE} crm address.city: {{"from": "id"}}'],
    ),
    "the condition": (
        {P: changed("{field: email, exists: true}", "{all: [{field: email, exists: true}, {field: id, equals: 5}]}")},
        [f"~ {WHERE} crm when: email exists → email exists and id is 5"],
    ),
    "the operation": (
        {P: changed("operation: upsert", "operation: track")},
        [f"~ {WHERE} crm operation: upsert → track"],
    ),
    "a field": (
        {P: changed("{type: email, optional: true}", "{type: email}")},
        [f"~ {WHERE} field email: email optional personal → email personal"],
    ),
    "a removal": (
        {P: PERSON + "    remove: {operation: delete, map: {email: id}}\n"},
        [f'+ {WHERE} crm remove email: {{"from": "id"}}', f"+ {WHERE} crm remove operation: delete"],
    ),
    "an option": (
        {"client.yaml": changed("owner: crm@shop.example", "owner: o", CLIENT), P: PERSON},
        ['~ shop/main crm options.owner: "crm@shop.example" → "o"'],
    ),
    "a budget": (
        {"client.yaml": CLIENT + "        budget: {concurrent: 2}\n", P: PERSON},
        ["~ shop/main crm budget.concurrent: null → 2"],
    ),
    "a callback": (
        {"client.yaml": CLIENT + "callback: {url: 'https://a.example', secret: s}\n", P: PERSON},
        ['+ shop/main callback.secret: "s"', '+ shop/main callback.url: "https://a.example"'],
    ),
}


@pytest.mark.parametrize(("files", "expected"), CHANGES.values(), ids=CHANGES)
def test_differences_are_by_target_and_word_not_by_text(files: dict[str, str], expected: list[str]) -> None:
    assert [str(change) for change in diff(OLD, compiled(files))] == expected


def test_a_type_that_is_gone_is_told_whole() -> None:
    gone = diff(compiled({P: PERSON, "profile.vip.yaml": changed("type: person", "type: vip")}), OLD)
    assert {(change.place.subject, change.after) for change in gone} == {("profile.vip", None)}
    assert {change.place.item for change in gone} == {
        "field email",
        "field id",
        "hard_id",
        "email",
        "name",
        "operation",
        "when",
    }


def records(*data: dict[str, object], action: Action = Action.UPSERT, type_: str = "person") -> list[Recorded]:
    return [Recorded(f"r{index}", "shop", "main", "profile", type_, one, action) for index, one in enumerate(data)]


ADA, BOB = {"id": "ada-1", "email": "ada@b.se"}, {"id": "bob-1", "email": None}


def place(field: str, integration: str = "crm") -> Place:
    return Place("shop", "main", "profile.person", integration, field)


def counts(candidate: MappingSet, *data: dict[str, object]) -> dict[Place, dict[Verdict, int]]:
    report = backtest(records(*data), OLD, candidate)
    return {where: dict(tally.counts) for where, tally in report.tallies.items()}


def test_nothing_changes_between_the_same_sets() -> None:
    report = backtest(records(ADA, BOB), OLD, OLD)
    assert (report.records, report.skipped, report.failing, report.differences()) == (2, 0, 0, [])


def test_a_changed_value_is_shown_by_its_shape() -> None:
    report = backtest(records(ADA), OLD, compiled({P: changed("name: id", "name: {from: id, transform: upper}")}))
    ((where, tally),) = report.differences()
    assert (where, tally.samples) == (place("name"), [Sample("r0", "xxx-9", "XXX-9")])
    assert report.failing == 0


def test_samples_are_few_and_counts_are_whole() -> None:
    report = backtest(records(*[ADA] * 50), OLD, compiled({P: changed("name: id", "name: {value: x}")}))
    ((_, tally),) = report.differences()
    assert (tally.counts[Verdict.CHANGED], len(tally.samples)) == (50, 3)


VERDICTS = {
    "missing": (
        changed("      name: id\n", ""),
        {place("email"): {Verdict.UNCHANGED: 1}, place("name"): {Verdict.MISSING: 1}},
    ),
    "added": (
        PERSON + "      tags: {value: [x]}\n",
        {
            place("email"): {Verdict.UNCHANGED: 1},
            place("name"): {Verdict.UNCHANGED: 1},
            place("tags"): {Verdict.ADDED: 1},
        },
    ),
    "skipped": (
        changed("exists: true}", "exists: false}"),
        {place("email"): {Verdict.MISSING: 1}, place("name"): {Verdict.MISSING: 1}},
    ),
    "what the provider needs": (
        changed("email: email\n", "email: {from: id, transform: {lookup: none}}\n") + "tables: {none: {x: y@z.se}}\n",
        {place("email"): {Verdict.FAILING: 1}, place("name"): {Verdict.UNCHANGED: 1}},
    ),
    "refused": (
        changed("id: {type: string}", "id: {type: integer}"),
        {place("id", ""): {Verdict.FAILING: 1}},
    ),
}


@pytest.mark.parametrize(("candidate", "expected"), VERDICTS.values(), ids=VERDICTS)
def test_verdicts(candidate: str, expected: dict[Place, dict[Verdict, int]]) -> None:
    assert counts(compiled({P: candidate}), ADA) == expected


def test_a_contract_that_is_gone_fails_every_record() -> None:
    report = backtest(records(ADA), OLD, compiled({"profile.vip.yaml": changed("type: person", "type: vip")}))
    assert report.failing == 1
    ((where, tally),) = report.differences()
    assert (where, tally.samples) == (place(RECORD, ""), [Sample("r0", None, "there is no contract for it")])


def test_what_the_set_in_force_does_not_accept_either_is_left_out() -> None:
    report = backtest([*records({"id": None}), *records(ADA, type_="gone")], OLD, OLD)
    assert (report.records, report.skipped) == (0, 2)


def test_deletes_are_compared_by_their_own_rules() -> None:
    removal = "    remove: {operation: delete, map: {email: id}}\n"
    report = backtest(records({"id": "7"}, action=Action.DELETE), OLD, compiled({P: PERSON + removal}))
    ((where, tally),) = report.differences()
    assert (where, dict(tally.counts)) == (place("email"), {Verdict.ADDED: 1})
