"""`router letters`, `replay`, `resolve`, `cancel`: what failed, and what a person does about it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from router import replay as again
from router.cli import context
from router.cli.selecting import by, filters, selection
from router.config import Config
from router.ledger.base import Ledger, Selection
from router.model import State

ENDED = (State.DEAD, State.UNKNOWN, State.DELIVERED, State.CANCELLED)
STORED = tuple(state for state in State if state is not State.PARKED)
"""What a delivery can be found by; parked ones are found by what they were before."""
SHOWN_FIELDS = 12


def _states(text: str) -> list[State]:
    named = [part.strip() for part in text.split(",")]
    if wrong := [each for each in named if each not in STORED]:
        raise click.UsageError(f"{wrong[0]!r} is not a state; use {', '.join(STORED)}")
    return [State(each) for each in named]


@click.command()
@filters
@click.option("--state", default="dead,unknown", show_default=True, help="States, separated by commas.")
@click.option("--limit", default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def letters(state: str, limit: int, as_json: bool, **chosen: Any) -> None:
    """List deliveries that failed: dead letters and unknown ones."""
    with context.ledger() as ledger:
        found = ledger.letters(selection(ledger, _states(state), **chosen), limit)
    for each in found:
        where = f"{each.client}/{each.group}/{each.integration}"
        if as_json:
            click.echo(json.dumps(asdict(each), ensure_ascii=False, default=str))
        else:
            click.echo(f"{each.delivery_id}  {each.state:<8} {where}  {each.entity} {each.type}  {each.reason}")
    if not as_json:
        click.echo(f"{len(found)} shown")


@click.command()
@filters
@click.option(
    "--state", default="dead", show_default=True, help="dead, unknown, delivered or cancelled; commas between."
)
@click.option("--mapping", type=click.Choice(["as-it-was", "current"]), default="as-it-was", show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay(state: str, mapping: str, yes: bool, **chosen: Any) -> None:
    """Send deliveries again, as they were or with the current mapping; shows how many, and what differs, first."""
    states = _states(state)
    if wrong := [each for each in states if each not in ENDED]:
        raise click.UsageError(f"only ended deliveries can be replayed, and {wrong[0]} is not")
    with context.ledger() as ledger:
        which = selection(ledger, states, **chosen)
        _show_count(again.counted(ledger, which))
        config = Config(ledger) if mapping == "current" else None
        if config is not None:
            _show_difference(ledger, which, config)
        elif unmapped := sum(not each.mapped for page in again.pages(ledger, which) for each in page):
            click.echo(f"{unmapped:>8}  not sent: never mapped; send them with --mapping current")
        if not yes:
            click.confirm("Send them again?", abort=True)
        click.echo(f"{sum(_replayed(ledger, page, config) for page in again.pages(ledger, which))} will be sent again")


def _replayed(ledger: Ledger, page: list[Any], config: Config | None) -> int:
    ids = [letter.delivery_id for letter in page]
    if config is None:
        return ledger.replay(ids, by())
    changed = again.remapped(ledger.replayable(ids), config.current())
    return ledger.replay(list(changed), by(), changed)


def _show_count(count: Counter[tuple[str, str]]) -> None:
    if not count:
        raise click.ClickException("no delivery matches")
    for (where, state), number in sorted(count.items()):
        click.echo(f"{number:>8}  {state:<9} {where}")


def _show_difference(ledger: Ledger, which: Selection, config: Config) -> None:
    fields: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    same = 0
    for page in again.pages(ledger, which):
        for each in again.changes(ledger.replayable([letter.delivery_id for letter in page]), config.current()):
            if each.payload is None:
                left_out[each.reason] += 1
            elif each.fields:
                fields.update(f"{each.integration}: {name}" for name in each.fields)
            else:
                same += 1
    click.echo(f"{same:>8}  unchanged by the current mapping")
    for name, number in fields.most_common(SHOWN_FIELDS):
        click.echo(f"{number:>8}  differ in {name}")
    for reason, number in left_out.most_common(SHOWN_FIELDS):
        click.echo(f"{number:>8}  not sent: {reason}")


@click.command()
@click.argument("deliveries", nargs=-1, required=True, type=click.UUID)
@click.option("--delivered", "how", flag_value="delivered", help="They arrived.")
@click.option("--again", "how", flag_value="again", help="They did not: send them again.")
def resolve(deliveries: tuple[Any, ...], how: str | None) -> None:
    """Say what became of `unknown` DELIVERIES."""
    if how is None:
        raise click.UsageError("say --delivered or --again")
    with context.ledger() as ledger:
        if how == "delivered":
            click.echo(f"{ledger.resolve(deliveries, by())} are delivered")
        else:
            unknown = ledger.letters(Selection((State.UNKNOWN,), deliveries=deliveries), len(deliveries))
            click.echo(f"{ledger.replay([each.delivery_id for each in unknown], by())} will be sent again")


@click.command()
@filters
@click.option("--yes", is_flag=True, help="Do not ask.")
def cancel(yes: bool, **chosen: Any) -> None:
    """Send what has not been sent no more."""
    with context.ledger() as ledger:
        which = selection(ledger, (State.PENDING, State.RETRYING), **chosen)
        _show_count(again.counted(ledger, which))
        if not yes:
            click.confirm("Cancel them?", abort=True)
        pages = again.pages(ledger, which)
        click.echo(f"{sum(ledger.cancel([each.delivery_id for each in page], by()) for page in pages)} cancelled")
