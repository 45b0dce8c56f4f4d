"""What is typed to write, check, publish and compare mappings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.shop import CLIENT, PERSON, RENAMED, WITHOUT_CRM, Shop, shop_in

FILE = "shop/profile.person.yaml"
ADA = {"customer_id": "c-1", "name": "Ada Lovelace", "shoe": 38}


@dataclass(frozen=True)
class Desk:
    """A shop, whose mappings lie in a directory too. person: the file that it changes."""

    shop: Shop
    directory: Path

    @property
    def person(self) -> Path:
        return self.directory / FILE

    def ok(self, command: str, *arguments: object) -> list[str]:
        return self.shop.ok("mappings", command, *map(str, arguments))

    def fails(self, command: str, *arguments: object, status: int = 1) -> str:
        return self.shop.fails("mappings", command, *map(str, arguments), status=status)

    def sample(self, content: object = ADA) -> Path:
        path = self.directory.parent / "sample.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def numbers(self) -> list[int]:
        return [each.number for each in self.shop.ledger.publications()]


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    directory = tmp_path / "mappings"
    (directory / "shop").mkdir(parents=True)
    (directory / "shop" / "client.yaml").write_text(CLIENT)
    (directory / FILE).write_text(PERSON)
    with shop_in(database_url) as shop:
        yield Desk(shop, directory)


BROKEN = PERSON.replace("{name: name}", "{name: nmae}").replace("operation: send,", "operation: sned,", 1)
UNUSED = PERSON.replace("deliver:", "  shoe: {type: integer, optional: true}\ndeliver:")


# ---- check, schema, new ----------------------------------------------------------------------------------------------


def test_a_clean_set_is_clean(desk: Desk) -> None:
    assert desk.ok("check", desk.directory) == ["2 files, 0 errors, 0 warnings"]


def test_every_fault_is_told_with_its_place(desk: Desk) -> None:
    desk.person.write_text(BROKEN)
    first, second, last = desk.fails("check", desk.directory).splitlines()
    assert first.startswith(f"{desk.person}:8:")
    assert "'sned'" in first
    assert "send" in first.partition("'sned'")[2]
    assert second.startswith(f"{desk.person}:9:")
    assert "'nmae'" in second
    assert "name" in second.partition("'nmae'")[2]
    assert last == "2 files, 2 errors, 0 warnings"


def test_a_warning_is_no_error(desk: Desk) -> None:
    desk.person.write_text(UNUSED)
    warning, count = desk.ok("check", desk.directory)
    assert warning.startswith(f"{desk.person}:7:")
    assert "'shoe' goes nowhere" in warning
    assert count == "2 files, 0 errors, 1 warnings"


def test_a_failing_example_is_an_error(desk: Desk) -> None:
    example = "examples:\n  - given: {customer_id: c-1, name: Ada}\n    expect: {mail: {name: Bea}}\n"
    desk.person.write_text(PERSON + example)
    assert f"{desk.person}:12:" in desk.fails("check", desk.directory)


@pytest.mark.parametrize("command", ["check", "publish", "backtest"])
def test_an_empty_directory_is_no_set(desk: Desk, command: str) -> None:
    empty = desk.directory.parent / "empty"
    empty.mkdir()
    more = ("--message", "oops") if command == "publish" else ()
    assert f"{empty} holds no mapping files" in desk.fails(command, empty, *more)


def test_a_directory_that_is_not(desk: Desk) -> None:
    assert "nowhere" in desk.fails("check", desk.directory / "nowhere", status=2)


def test_bytes_that_are_not_text(desk: Desk) -> None:
    desk.person.write_bytes(b"entity: profile\ntype: \xff\n")
    assert f"{desk.person}:2:7: not UTF-8" in desk.fails("check", desk.directory)


def test_the_schemas_are_written_where_the_files_point(desk: Desk) -> None:
    written = desk.ok("schema", desk.directory)
    assert [Path(each).name for each in sorted(written)] == ["client.schema.json", "mapping.schema.json"]
    assert all("$schema" in json.loads(Path(each).read_text()) for each in written)


def new(desk: Desk, sample: object = ADA, **changes: str) -> tuple[object, ...]:
    options = {"directory": str(desk.directory), "client": "shop", "group": "main", "entity": "profile", "type": "new"}
    named = [word for name, value in {**options, **changes}.items() for word in (f"--{name}", value)]
    return (desk.sample(sample), *named)


def test_a_new_file_passes_check(desk: Desk) -> None:
    path = desk.directory / "shop" / "profile.new.yaml"
    assert desk.ok("new", *new(desk))[0].startswith(f"{path} is written")
    assert "customer_id" in path.read_text()
    assert desk.ok("check", desk.directory)[-1].startswith("3 files, 0 errors")


@pytest.mark.parametrize(
    ("sample", "changes", "said"),
    [
        (ADA, {"type": "person"}, "is there already"),
        (ADA, {"group": "south"}, "has no group 'south'"),
        (ADA, {"client": "stall"}, "has no group 'main'"),
        (ADA, {"type": ""}, "type"),
        (ADA, {"type": "a/b"}, "not written"),
        (ADA, {"type": "../../x"}, "not written"),
        ({}, {}, "sample.json"),
        ({"id": {"a": {"b": 1}}}, {}, "sample.json"),
        ([ADA], {}, "is not one record: a JSON object"),
        ("{", {}, "is not JSON that can be used: "),
        ("[" * 100_000, {}, "is not JSON that can be used: "),
        ('{"id": "\\ud800"}', {}, "is not JSON that can be used: "),
        ('{"id": NaN}', {}, "NaN is not a number"),
    ],
    ids=[
        *("there", "group", "client", "no type", "slash", "dots", "empty", "nested", "array"),
        *("not JSON", "too deep", "half a character", "no number"),
    ],
)
def test_what_is_refused_is_not_written(desk: Desk, sample: object, changes: dict[str, str], said: str) -> None:
    before = sorted(desk.directory.parent.rglob("*.yaml"))
    assert said in desk.fails("new", *new(desk, sample, **changes))
    assert sorted(desk.directory.parent.rglob("*.yaml")) == before


# ---- publish, history, rollback, diff --------------------------------------------------------------------------------


def test_a_set_is_published_with_author_and_message(desk: Desk) -> None:
    desk.person.write_text(RENAMED)
    said = desk.ok("publish", desk.directory, "--message", "louder", "--author", "Bea")
    newest = desk.shop.ledger.publication()
    assert newest is not None
    assert said == ["2 files, 0 errors, 0 warnings", f"published {newest.digest} as number {newest.number}"]
    assert (newest.author, newest.message) == ("Bea", "louder")
    assert desk.shop.ledger.documents_of(newest.digest) == {"shop/client.yaml": CLIENT, FILE: RENAMED}


def test_the_author_is_who_types(desk: Desk) -> None:
    desk.person.write_text(RENAMED)
    desk.ok("publish", desk.directory, "--message", "m")
    assert desk.shop.ledger.publications()[0].author.endswith(" (cli)")


def test_a_message_is_asked_for(desk: Desk) -> None:
    assert "--message" in desk.fails("publish", desk.directory, status=2)


def test_a_broken_set_is_not_published(desk: Desk) -> None:
    before = desk.numbers()
    desk.person.write_text(BROKEN)
    said = desk.fails("publish", desk.directory, "--message", "m")
    assert f"{desk.person}:8:" in said
    assert f"{desk.person}:9:" in said
    assert said.endswith("Error: not published: 2 errors\n")
    assert desk.numbers() == before


def test_warnings_are_shown_and_stop_nothing(desk: Desk) -> None:
    desk.person.write_text(UNUSED)
    warning, count, done = desk.ok("publish", desk.directory, "--message", "m")
    assert "'shoe' goes nowhere" in warning
    assert count == "2 files, 0 errors, 1 warnings"
    assert done.startswith("published sha256:")


def test_history_begins_with_what_is_in_force(desk: Desk) -> None:
    desk.person.write_text(RENAMED)
    desk.ok("publish", desk.directory, "--message", "louder", "--author", "Bea")
    newest, first = desk.ok("history")
    digest = desk.shop.ledger.publications()[0].digest
    assert newest.split()[:2] == [str(desk.numbers()[0]), digest[:19]]
    assert newest.endswith("  Bea  louder")
    assert first.split()[0] == str(desk.numbers()[1])
    assert desk.ok("history", "--limit", 1) == [newest]


def test_rolling_back_publishes_what_was(desk: Desk) -> None:
    (first,) = desk.shop.ledger.publications()
    desk.person.write_text(RENAMED)
    desk.ok("publish", desk.directory, "--message", "louder")
    for version in (str(first.number), first.digest, first.digest[7:15]):
        (said,) = desk.ok("rollback", version)
        newest = desk.shop.ledger.publications()[0]
        assert said == f"published {first.digest} as number {newest.number}"
        assert newest.message == f"roll back to {first.digest[:19]}"


@pytest.mark.parametrize("version", ["", "0", "x", "sha256:", "sha256:zz"])
def test_what_never_was_cannot_be_rolled_back_to(desk: Desk, version: str) -> None:
    before = desk.numbers()
    assert f"nothing was published as {version!r}" in desk.fails("rollback", version)
    assert desk.numbers() == before


def test_a_number_is_a_number_before_it_is_a_digest(desk: Desk) -> None:
    """Sets whose digests begin with the first one's number do not take its name."""
    (first,) = desk.shop.ledger.publications()
    for digest in (f"sha256:{first.number}a", f"sha256:{first.number}b"):
        desk.shop.ledger.publish(digest, {}, [], "tests", "")
    assert desk.ok("rollback", str(first.number))[0].startswith(f"published {first.digest} ")
    said = desk.fails("rollback", f"sha256:{first.number}")
    assert f"begin with 'sha256:{first.number}': sha256:{first.number}b, sha256:{first.number}a" in said


def test_a_set_that_todays_checks_refuse_cannot_be_rolled_back_to(desk: Desk) -> None:
    desk.shop.ledger.publish("sha256:feed", {"shop/client.yaml": CLIENT, FILE: BROKEN}, [], "tests", "")
    before = desk.numbers()
    said = desk.fails("rollback", "feed")
    assert "sha256:feed does not pass today's checks" in said
    assert f"{FILE}:8:" in said
    assert desk.numbers() == before


def test_sets_are_compared_by_target_field(desk: Desk) -> None:
    number = str(desk.numbers()[0])
    desk.person.write_text(RENAMED)
    *changed, count = desk.ok("diff", number, desk.directory)
    rule = '{"from": "name"} → {"from": "name", "transform": ["upper"]}'
    assert changed == [f"~ shop/{group} profile.person crm name: {rule}" for group in ("main", "north")]
    assert count == "2 differences"
    desk.ok("publish", desk.directory, "--message", "m")
    assert desk.ok("diff", "current", desk.directory) == ["0 differences"]
    assert desk.ok("diff", number, "current") == [*changed, count]


def test_sets_that_cannot_be_compared(desk: Desk) -> None:
    assert "nothing was published as '99'" in desk.fails("diff", "current", "99")
    desk.person.write_text(BROKEN)
    assert f"{desk.person}:8:" in desk.fails("diff", "current", desk.directory)


# ---- explain ---------------------------------------------------------------------------------------------------------


def test_a_sample_is_explained_field_by_field(desk: Desk) -> None:
    desk.person.write_text(RENAMED)
    said = desk.ok("explain", desk.person, desk.sample())
    shown = "\n".join(said)
    assert said[0].endswith(FILE)
    assert f'name = "A***"    ← name  ({said[0]}:8:' in shown
    assert 'upper: "A***" → "A***"' in shown
    assert "  POST https://sandbox-url.invalid/webhook" in said
    assert said[-1] == "shoe goes nowhere: not in the contract"
    assert "Lovelace" not in shown
    assert "c-1" not in shown


def test_values_are_shown_on_demand(desk: Desk) -> None:
    shown = "\n".join(desk.ok("explain", desk.person, desk.sample(), "--reveal", "--group", "main"))
    assert 'who.id = "c-1"' in shown
    assert '    {"name": "Ada Lovelace", "who": {"id": "c-1"}}' in shown.splitlines()
    assert "whsec" not in shown


def test_explanations_for_programs(desk: Desk) -> None:
    told = json.loads("\n".join(desk.ok("explain", desk.person, desk.sample(), "--json", "--reveal")))
    crm, mail = told["explanation"]["integrations"]
    assert crm["payload"] == {"name": "Ada Lovelace", "who": {"id": "c-1"}}
    assert mail["payload"] == {"name": "Ada Lovelace"}
    assert told["requests"]["crm"]["method"] == "POST"


def test_a_record_that_the_contract_refuses(desk: Desk) -> None:
    said = desk.fails("explain", desk.person, desk.sample({"name": "Ada"}))
    assert "refused: customer_id: is part of the hard id and must not be missing" in said


def test_a_delete_is_told_as_one(desk: Desk) -> None:
    said = desk.ok("explain", desk.person, desk.sample({"customer_id": "c-1"}), "--delete")
    assert any("skipped: " in line for line in said)


def test_what_cannot_be_explained(desk: Desk) -> None:
    sample = desk.sample()
    assert "name a FILE and a SAMPLE, or a --delivery" in desk.fails("explain", status=2)
    assert "holds for no group 'south'" in desk.fails("explain", desk.person, sample, "--group", "south")
    assert "lies in no client's directory" in desk.fails("explain", sample, sample)
    desk.person.write_text(BROKEN)
    assert "profile.person.yaml:8:" in desk.fails("explain", desk.person, sample)


def delivery(desk: Desk, integration: str = "crm") -> str:
    request = desk.shop.request("Ada Lovelace")
    return next(each["deliveryId"] for each in desk.shop.deliveries(request) if each["integration"] == integration)


def test_a_past_delivery_is_explained_by_its_own_version(desk: Desk) -> None:
    id = delivery(desk)
    version = desk.shop.ledger.publications()[0].digest
    desk.shop.publish(WITHOUT_CRM)
    said = desk.ok("explain", "--delivery", id)
    assert said[:2] == [f"{id}  shop/main/crm  profile person", f"planned with {version[:19]}"]
    assert f'  name = "A***"    ← name  ({FILE}:8:' in "\n".join(said)
    assert not any(line.startswith("mail") for line in said)
    assert any("Ada Lovelace" in line for line in desk.ok("explain", "--delivery", id, "--reveal"))


def test_a_delivery_that_never_was(desk: Desk) -> None:
    id = "019a9d3c-5a40-8b21-9c11-0e4d3d5b6a77"
    assert f"there is no delivery {id} of a record" in desk.fails("explain", "--delivery", id)


# ---- backtest --------------------------------------------------------------------------------------------------------


def test_a_candidate_that_means_the_same(desk: Desk) -> None:
    desk.shop.request("Ada", "Bea")
    assert desk.ok("backtest", desk.directory) == ["2 records compared, 0 newly failing"]


def test_a_candidate_that_changes_values(desk: Desk) -> None:
    desk.shop.request("Ada Lovelace", "BEA")
    desk.person.write_text(RENAMED)
    said = desk.ok("backtest", desk.directory)
    assert said[0] == "shop main profile.person crm name: 1 changed, 1 unchanged"
    assert said[1].endswith(': "Xxx Xxxxxxxx" → "XXX XXXXXXXX"')
    assert said[-1] == "2 records compared, 0 newly failing"
    assert desk.ok("backtest", desk.directory, "--limit", 1)[-1] == "1 records compared, 0 newly failing"


def test_a_candidate_that_would_refuse_what_comes_fails(desk: Desk) -> None:
    desk.shop.request("Ada", "Bea")
    desk.person.write_text(PERSON.replace("name: {type: string, optional: true}", "name: {type: integer}"))
    said = desk.fails("backtest", desk.directory).splitlines()
    assert said[0] == "shop main profile.person name: 2 failing"
    assert said[-1] == "2 records compared, 2 newly failing"


def test_only_what_was_accepted_lately_counts(desk: Desk) -> None:
    desk.shop.request("Ada")
    assert desk.ok("backtest", desk.directory, "--since", "0m") == ["0 records compared, 0 newly failing"]
    assert desk.ok("backtest", desk.directory, "--since", "99999w") == ["1 records compared, 0 newly failing"]


@pytest.mark.parametrize("since", ["", "7", "d", "-7d", "7y", "1.5h", "²d", "100000w"])
def test_since_is_a_number_and_a_unit(desk: Desk, since: str) -> None:
    assert "write 90m, 12h, 7d or 2w" in desk.fails("backtest", desk.directory, "--since", since, status=2)


def test_a_broken_candidate_is_not_tried(desk: Desk) -> None:
    desk.person.write_text(BROKEN)
    assert f"{desk.person}:8:" in desk.fails("backtest", desk.directory)
