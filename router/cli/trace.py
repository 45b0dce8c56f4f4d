"""`router trace` and `router audit`: where a request is, and whether nothing is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from router.cli import context
from router.cli.selecting import request_named

SYMBOLS = {"delivered": "✔", "dead": "✘", "unknown": "?", "parked": "‖", "skipped": "-", "suppressed": "-"}


@click.command()
@click.argument("request_id")
@click.option("--json", "as_json", is_flag=True, help="The status document with every attempt.")
def trace(request_id: str, as_json: bool) -> None:
    """Tell the story of a request; REQUEST_ID may be shortened as long as it is the only one."""
    with context.ledger() as ledger:
        document = ledger.document(request_named(ledger, request_id))
    if document is None:
        raise click.ClickException(f"request {request_id} is gone")
    click.echo(json.dumps(document, indent=2, ensure_ascii=False) if as_json else "\n".join(_told(document)))


def _told(document: Mapping[str, Any]) -> list[str]:
    if document["status"] == "rejected":
        return [
            f"{document['requestId']}  rejected with {document['httpStatus']} at {document['receivedAt']}",
            *(f"  {message}" for message in document["messages"]),
        ]
    where = "/".join(document[name] or "" for name in ("groupKey", "entity", "type"))
    lines = [f"{document['requestId']}  {document['status']}  {where}  {document['environment']}"]
    start = document["receivedAt"]
    lines.append(f"  {_clock(start)}           accepted   mapping {document['mappingVersion'][:19]}")
    for record in document["records"]:
        lines.append(f"  record {record['index']}  {record['datatalksId']}")
        lines += [line for each in record["deliveries"] for line in _delivery(each, each["integration"], start)]
        if not record["deliveries"]:
            lines.append("    not planned yet")
    lines += [line for each in document["callbacks"] for line in _delivery(each, f"callback {each['type']}", start)]
    if document["completedAt"]:
        done = document["completedAt"]
        lines.append(f"  {_clock(done)} {_after(start, done):>8}  {document['status']}")
    return lines


def _delivery(delivery: Mapping[str, Any], name: str, start: str) -> list[str]:
    status = delivery["status"]
    more = f"  id {delivery['providerId']}" if delivery.get("providerId") else ""
    why = f"  {delivery['reason']}" if delivery.get("reason") else ""
    wait = f"  next attempt {delivery['nextAttemptAt']}" if delivery.get("nextAttemptAt") else ""
    lines = [f"    {SYMBOLS.get(status, '…')} {name}  {status}{more}{why}{wait}"]
    number = 0
    for entry in delivery["history"]:
        number += "by" not in entry
        at = entry["at"]
        told = f"{entry['outcome']} by {entry['by']}" if "by" in entry else _attempt(number, entry)
        lines.append(f"  {_clock(at)} {_after(start, at):>8}    {told}")
    for told in delivery.get("feedback", ()):
        at = told["at"] or told["receivedAt"]
        lines.append(
            f"  {_clock(at)} {_after(start, at):>8}    {told['event']} (told by the provider: {told['original']})"
        )
    return lines


def _attempt(number: int, attempt: Mapping[str, Any]) -> str:
    http = f" HTTP {attempt['status']}" if attempt.get("status") else ""
    reason = f"  {attempt['reason']}" if attempt.get("reason") else ""
    return f"attempt {number}: {attempt['outcome']}{http} in {attempt['ms']:.0f} ms{reason}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _clock(text: str) -> str:
    return f"{_moment(text):%H:%M:%S.%f}"[:-3]


def _after(start: str, then: str) -> str:
    seconds = (_moment(then) - _moment(start)).total_seconds()
    return f"+{seconds * 1000:.0f} ms" if seconds < 10 else f"+{seconds:.0f} s"


@click.command()
@click.option("--since", type=click.DateTime(), help="Requests received from then on (UTC).")
@click.option("--until", type=click.DateTime(), help="Requests received before then (UTC).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def audit(ctx: click.Context, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Prove that the ledger balances; name every record that does not add up, and exit 1."""
    with context.ledger() as ledger:
        found = ledger.audit(since, until)
    if as_json:
        told = {
            "accepted": found.accepted,
            "expected": found.expected,
            "by_state": dict(found.by_state),
            "difference": found.difference,
            "differences": list(found.differences),
        }
        click.echo(json.dumps(told))
    else:
        click.echo(f"{found.accepted} records accepted, {found.expected} deliveries expected")
        for state, count in sorted(found.by_state.items()):
            click.echo(f"  {count:>10}  {state}")
        click.echo("the ledger balances" if not found.difference else f"{found.difference} differences")
        for difference in found.differences:
            click.echo(f"  {difference}")
    if found.difference:
        ctx.exit(1)
