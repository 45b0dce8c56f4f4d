"""`router connectors`: what can be delivered to, what each of them takes, and the files of a new one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from marshmallow import Schema, fields, validate

from router.catalog import facts
from router.cli.scaffold import Taken, write
from router.mapping import ConnectorFacts, OperationFacts
from router.mapping.targets import Form, Target, of_field, of_schema

SHIFT = "  "
DIRECTORY = click.Path(path_type=Path, exists=True, file_okay=False)
Row = tuple[str, str, str]  # name, type, description


@click.group()
def connectors() -> None:
    """List and describe connectors, and begin a new one."""


@connectors.command("list")
def list_() -> None:
    """Show every connector, those of other packages too, with its operations."""
    known = facts()
    width = max(map(len, known))
    for name, connector in sorted(known.items()):
        click.echo(f"{name:<{width}}  {', '.join(connector.operations)}")


@connectors.command()
@click.argument("name")
def describe(name: str) -> None:
    """Show what an integration by connector NAME configures, and the target fields of each operation."""
    known = facts()
    if name not in known:
        raise click.ClickException(f"there is no connector {name!r}; known: {', '.join(sorted(known))}")
    click.echo("\n".join(described(known[name])))


@connectors.command()
@click.argument("name")
@click.option("--directory", default=".", show_default=True, type=DIRECTORY, help="A checkout of the router.")
def new(name: str, directory: Path) -> None:
    """Write connector NAME, its stand-in and its test, all three working, and register them.

    The guide is connectors/README.md.
    """
    try:
        written = write(name, directory)
    except Taken as error:
        raise click.ClickException(str(error)) from None
    for path, what in written.items():
        click.echo(f"{path}: {what}")


def described(connector: ConnectorFacts) -> Iterator[str]:
    """The lines about a connector."""
    yield connector.name
    yield connector.summary
    if connector.tells_back:
        yield "Its provider tells what became of deliveries: `router integrations hook-url` shows where to."
    yield from ("", "options", *_options(connector))
    seen: dict[type[Schema], str] = {}
    for name, operation in connector.operations.items():
        yield from ("", f"{name}: {operation.description}" if operation.description else name)
        yield SHIFT + _traits(operation)
        same = seen.setdefault(operation.fields, name)
        yield from _aligned(_fields(of_schema(operation.fields))) if same == name else [f"{SHIFT}fields as of {same}"]


def _options(connector: ConnectorFacts) -> Iterator[str]:
    declared = connector.options().load_fields.items()
    return _aligned((one.data_key or name, _option(one), _description(one)) for name, one in declared)


def _option(one: fields.Field[Any]) -> str:
    default = [f"default {one.load_default}"] if isinstance(one.load_default, str | int | float) else []
    return ", ".join([*_type(of_field(one)), *(["secret"] if one.metadata.get("secret") else []), *default])


def _traits(operation: OperationFacts) -> str:
    batch = f"batches of {operation.batch}, at most {operation.batch_cap}" if operation.batch_cap > 1 else "one by one"
    repeat = "safe to repeat" if operation.repeat_safe else "a repeat may do it twice"
    removes = "; deletes the record" if operation.removes else ""
    return f"takes {', '.join(sorted(operation.entities))}; {batch}; {repeat}{removes}"


def _fields(target: Target, prefix: str = "") -> Iterator[Row]:
    """The listed fields by their dotted names, however deep; what takes others too says so at the end."""
    for name, one in target.members.items():
        yield prefix + name, ", ".join(_type(one)), _description(one.source)
        yield from _fields(one, f"{prefix}{name}.")
        if one.item is not None:
            yield from _fields(one.item, f"{prefix}{name}[].")
    if target.rest is not None and target.form is Form.OBJECT:
        yield f"{prefix}*", str(target.rest.form), "any other name"


def _type(target: Target) -> Iterator[str]:
    yield str(target.form) if target.item is None else f"a list, each {target.item.form}"
    validators = target.source.validators if target.source else ()
    for choices in (one.choices for one in validators if isinstance(one, validate.OneOf)):
        yield f"one of {' | '.join(map(str, choices))}"
    if target.required:
        yield "required"


def _description(source: fields.Field[Any] | None) -> str:
    return str(source.metadata.get("description", "")) if source else ""


def _aligned(rows: Iterable[Row]) -> Iterator[str]:
    """A line for each, the names in a column of their own."""
    shown = list(rows)
    width = max((len(name) for name, _, _ in shown), default=0)
    for name, kind, description in shown:
        yield f"{SHIFT}{name:<{width}}  {kind}{f': {description}' if description else ''}"
