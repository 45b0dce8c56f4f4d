"""`router mappings`: check, explain, publish, compare, try on yesterday's traffic, and start a new file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from os.path import relpath
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import click

from router.catalog import facts
from router.cli import context
from router.cli.mapping_lines import past_lines, preview_lines, report_lines
from router.cli.selecting import by
from router.config import Config
from router.ledger.base import Ledger
from router.mapping import Broken, MappingSet, Severity, Source, compile_set, read_tree
from router.mapping.backtest import Recorded, backtest
from router.mapping.diff import diff
from router.mapping.lint import check
from router.mapping.scaffold import scaffold
from router.mapping.schema import json_schemas
from router.model import Action, Entity
from router.preview import Preview, entries_of, of_delivery, preview
from router.publish import publish as put_in_force
from router.settings import BadSettings

DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AGO = re.compile(r"([0-9]{1,5})([mhdw])", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # no record's id is older
PAGE = 500
EVERY = 10_000
SHOWN = 5


@click.group()
def mappings() -> None:
    """Check, explain, publish and compare mapping sets."""


@mappings.command("check")
@click.argument("directory", type=DIRECTORY, default="mappings")
@click.pass_context
def check_(ctx: click.Context, directory: Path) -> None:
    """Find every fault of a set at once, and run its examples."""
    if _checked(_read(directory)):
        ctx.exit(1)


@mappings.command()
@click.argument("directory", type=DIRECTORY, default="mappings")
@click.option("--message", required=True, help="What changes, and why.")
@click.option("--author", help="Who changes it; you, when left out.")
def publish(directory: Path, message: str, author: str | None) -> None:
    """Check a set and put it in force; every process has it within seconds. Warnings are shown and stop nothing."""
    sources = _read(directory)
    if errors := _checked(sources):
        raise click.ClickException(f"not published: {errors} errors")
    with context.ledger() as ledger:
        done = put_in_force(ledger, sources, author or by(), message)
    click.echo(f"published {done.digest} as number {done.number}")


@mappings.command()
@click.option("--limit", default=20, show_default=True)
def history(limit: int) -> None:
    """What was published when, by whom and why; the first is in force."""
    with context.ledger() as ledger:
        for each in ledger.publications(limit):
            at = f"{each.published_at:%Y-%m-%d %H:%M}"
            click.echo(f"{each.number:>5}  {each.digest[:19]}  {at}  {each.author}  {each.message}")


@mappings.command("diff")
@click.argument("before")
@click.argument("after")
def diff_(before: str, after: str) -> None:
    """What differs between two sets, by target field: a directory, a number, a digest's beginning, or `current`."""
    changes = diff(_set(before), _set(after))
    for change in changes:
        click.echo(str(change))
    click.echo(f"{len(changes)} differences")


@mappings.command()
@click.argument("version")
def rollback(version: str) -> None:
    """Put an earlier set (its number, or the beginning of its digest) in force again."""
    with context.ledger() as ledger:
        digest, sources = _published(ledger, version)
        try:
            done = put_in_force(ledger, sources, by(), f"roll back to {digest[:19]}")
        except Broken as broken:
            raise click.ClickException(f"{digest[:19]} does not pass today's checks:\n{broken}") from None
    click.echo(f"published {done.digest} as number {done.number}")


@mappings.command()
@click.argument("file", type=FILE, required=False)
@click.argument("sample", type=FILE, required=False)
@click.option(
    "--delivery", type=click.UUID, help="Explain a past delivery instead, by the version it was planned with."
)
@click.option("--group", help="The group, where the file holds for several.")
@click.option("--delete", is_flag=True, help="As a client's DELETE.")
@click.option("--reveal", is_flag=True, help="Show values as they are.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def explain(ctx: click.Context, /, file: Path | None, sample: Path | None, delivery: UUID | None, **how: Any) -> None:
    """What FILE makes of the record in SAMPLE (JSON): payloads, each field's lineage, and the HTTP requests."""
    lines: list[str] = []
    if delivery is not None:
        with context.ledger() as ledger:
            past = of_delivery(ledger, Config(ledger), delivery, _links(), reveal=how["reveal"])
        made, lines = past.preview, [*past_lines(past)]
    elif file is not None and sample is not None:
        made = _previewed(file, sample, how["group"], Action.DELETE if how["delete"] else Action.UPSERT, how["reveal"])
    else:
        raise click.UsageError("name a FILE and a SAMPLE, or a --delivery")
    if how["as_json"]:
        told = {"explanation": asdict(made.explanation), "requests": made.requests}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join([*lines, *preview_lines(made)]))
    if made.explanation.problems:
        ctx.exit(1)


@mappings.command("backtest")
@click.argument("directory", type=DIRECTORY)
@click.option("--since", default="7d", show_default=True, help="How far back: 90m, 12h, 7d, 2w.")
@click.option("--limit", type=click.IntRange(1), help="At most so many records.")
@click.pass_context
def backtest_(ctx: click.Context, directory: Path, since: str, limit: int | None) -> None:
    """Run a candidate set over recorded requests and compare it with the one in force. Nothing is sent."""
    candidate = _compiled(_read(directory))
    with context.ledger() as ledger:
        report = backtest(_recorded(ledger, _moment(since), limit), Config(ledger).current().set, candidate)
    click.echo("\n".join(report_lines(report)))
    if report.failing:
        ctx.exit(1)


@mappings.command()
@click.argument("sample", type=FILE)
@click.option("--directory", type=DIRECTORY, default="mappings", show_default=True)
@click.option("--client", required=True)
@click.option("--group", required=True)
@click.option("--entity", type=click.Choice([str(each) for each in Entity]), required=True)
@click.option("--type", "type_", default="", help="Left out for v1.")
def new(sample: Path, directory: Path, client: str, group: str, entity: str, type_: str) -> None:
    """Write a file from a sample record, guessing types and targets; it passes `check`, and is yours to correct."""
    sources = _read(directory)
    found = _compiled(sources).groups(client).get(group)
    if found is None:
        raise click.ClickException(f"{directory}/{client}/client.yaml has no group {group!r}")
    path = directory / client / f"{'.'.join(filter(None, (entity, type_)))}.yaml"
    if path.exists():
        raise click.ClickException(f"{path} is there already")
    try:
        text = scaffold(_sample(sample), Entity(entity), type_, found, facts())
    except ValueError as error:
        raise click.ClickException(f"{sample}: {error}") from None
    made = Source(path.relative_to(directory).as_posix(), text, str(directory))
    if errors := [fault for fault in check((*sources, made), facts()) if fault.severity is Severity.ERROR]:
        raise click.ClickException("not written:\n" + "\n".join(map(str, errors)))
    path.write_text(text, encoding="utf-8")
    click.echo(f"{path} is written; `router mappings check {directory}` tells what it lacks")


@mappings.command()
@click.argument("directory", type=DIRECTORY, default="mappings")
def schema(directory: Path) -> None:
    """Write the JSON Schemas with which editors complete and check the files."""
    for name, content in json_schemas().items():
        (directory / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        click.echo(str(directory / name))


# ---- what is read ----------------------------------------------------------------------------------------------------


def _read(directory: Path) -> tuple[Source, ...]:
    try:
        sources = read_tree(directory)
    except Broken as broken:
        raise click.ClickException(str(broken)) from None
    if not sources:
        raise click.ClickException(f"{directory} holds no mapping files")
    return sources


def _checked(sources: tuple[Source, ...]) -> int:
    """Tells every fault; returns how many are errors."""
    faults = check(sources, facts())
    for fault in faults:
        click.echo(str(fault))
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    click.echo(f"{len(sources)} files, {errors} errors, {len(faults) - errors} warnings")
    return errors


def _compiled(sources: tuple[Source, ...]) -> MappingSet:
    try:
        return compile_set(sources, facts())
    except Broken as broken:
        raise click.ClickException(str(broken)) from None


def _published(ledger: Ledger, version: str) -> tuple[str, tuple[Source, ...]]:
    """A published set by `current`, its number, or the beginning of its digest."""
    known = ledger.publications(EVERY)
    digests = [each.digest for each in known if version == str(each.number)]
    if version == "current":
        digests = [each.digest for each in known[:1]]
    elif not digests and (start := version.removeprefix("sha256:")):
        digests = [each.digest for each in known if each.digest.removeprefix("sha256:").startswith(start)]
    match list(dict.fromkeys(digests)):
        case []:
            raise click.ClickException(
                f"nothing was published as {version!r}; `router mappings history` shows what was"
            )
        case [digest]:
            documents = ledger.documents_of(digest) or {}
            return digest, tuple(Source(path, text) for path, text in sorted(documents.items()))
        case several:
            shown = ", ".join(each[:19] for each in several[:SHOWN])
            raise click.ClickException(f"{len(several)} sets begin with {version!r}: {shown}")


def _set(name: str) -> MappingSet:
    if Path(name).is_dir():
        return _compiled(_read(Path(name)))
    with context.ledger() as ledger:
        return _compiled(_published(ledger, name)[1])


def _sample(path: Path) -> dict[str, Any]:
    try:
        sample = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_no_number)
        json.dumps(sample, ensure_ascii=False).encode()  # a lone surrogate is not text
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{path} is not JSON that can be used: {error}") from None
    if not isinstance(sample, dict):
        raise click.ClickException(f"{path} is not one record: a JSON object")
    return sample


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _links() -> dict[str, str]:
    try:
        return dict(context.settings().links)
    except BadSettings:
        return {}


def _previewed(file: Path, sample: Path, group: str | None, action: Action, reveal: bool) -> Preview:
    for root in file.resolve().parents:
        if not (root / "client.yaml").exists():
            continue
        tree = Path(relpath(root.parent))
        shown = f"{tree}/{file.resolve().relative_to(root.parent).as_posix()}"
        for found_group, entry in entries_of(_compiled(_read(tree)), shown):
            if group in (None, found_group):
                return preview(entry, _sample(sample), _links(), action, reveal=reveal)
        raise click.ClickException(f"{file} holds for no group{f' {group!r}' if group else ''}")
    raise click.ClickException(f"{file} lies in no client's directory: there is no client.yaml above it")


def _moment(text: str) -> datetime:
    found = AGO.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r}: write 90m, 12h, 7d or 2w", param_hint="--since")
    return max(datetime.now(UTC) - timedelta(**{UNITS[found[2]]: int(found[1])}), EPOCH)


def _recorded(ledger: Ledger, since: datetime, limit: int | None) -> Iterator[Recorded]:
    after: UUID | None = None
    left = limit
    while page := ledger.recorded(since, min(PAGE, left or PAGE), after):
        for each in page:
            yield Recorded(
                str(each.request_id),
                each.client,
                each.group,
                each.entity,
                each.type,
                json.loads(each.data),
                Action(each.action),
            )
        after = page[-1].record_id
        if left is not None and not (left := left - len(page)):
            return
