"""`router import`: a file of records, CSV or newline-delimited JSON."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from router.cli import context
from router.cli.selecting import by
from router.config import Config
from router.importing import BadFile, Taken, Target, load
from router.model import Entity, Environment

HEADER = "line,reasons\r\n"


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--client", required=True)
@click.option("--entity", type=click.Choice([str(each) for each in Entity]), required=True)
@click.option("--type", "type_", default="", help="The type, as a client would send it; left out for v1.")
@click.option("--group", required=True)
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Where refused lines go; FILE.rejects.csv"
)
@click.option("--staging", is_flag=True, help="Go through everything but the wire.")
def import_(file: Path, client: str, entity: str, type_: str, group: str, rejects: Path | None, staging: bool) -> None:
    """Accept every record of FILE (.csv, .ndjson, .jsonl). Interrupted? Run it again: nothing is sent twice."""
    target = Target(client, Entity(entity), type_, group, Environment.STAGING if staging else Environment.PRODUCTION)
    refused = rejects or file.with_name(f"{file.name}.rejects.csv")
    if refused.exists() and not refused.is_file():
        raise click.BadParameter(f"{refused} is not a file, and would be replaced by one", param_hint="--rejects")
    lines = dict.fromkeys(Taken, 0)
    bad = 0
    began = time.monotonic()
    with (
        context.ledger() as ledger,
        _rejects(refused) as out,
        click.progressbar(length=file.stat().st_size, label=file.name, item_show_func=_shown) as bar,
    ):
        writer = csv.writer(out)
        read = 0
        try:
            for part in load(file, target, Config(ledger).current(), ledger, by()):
                lines[part.taken] += part.good
                bad += len(part.rejects)
                writer.writerows([line.number, "; ".join(line.faults)] for line in part.rejects)
                rate = sum(lines.values()) / max(time.monotonic() - began, 0.001)
                bar.update(part.bytes - read, f"{rate:,.0f} records/s")
                read = part.bytes
        except BadFile as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{lines[Taken.NOW]:,} accepted, {lines[Taken.EARLIER]:,} already accepted earlier, {bad:,} refused")
    if lines[Taken.OTHERWISE]:
        click.echo(
            f"{lines[Taken.OTHERWISE]:,} more are {Taken.OTHERWISE.value}: nothing of them was sent again."
            " Put what was refused then into a file of its own."
        )
    if bad:
        click.echo(f"why each line was refused stands in {refused}")
    else:
        refused.unlink(missing_ok=True)


@contextmanager
def _rejects(path: Path) -> Iterator[TextIO]:
    """A file for refused lines. It takes the place of an earlier one when it holds any, however the import ends."""
    beside = path.with_name(f".{path.name}.part")
    out = beside.open("w", newline="", encoding="utf-8")
    try:
        with out:
            out.write(HEADER)
            yield out
    finally:
        if beside.stat().st_size > len(HEADER):
            beside.replace(path)
        else:
            beside.unlink()


def _shown(item: object) -> str | None:
    return str(item) if item else None
