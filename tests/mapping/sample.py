"""A made-up provider with a target of every form, and the smallest client that uses it."""

from __future__ import annotations

from textwrap import dedent

from marshmallow import INCLUDE, Schema, fields, validate

from router.mapping import ConnectorFacts, MappingSet, OperationFacts, Source, compile_set
from router.mapping.faults import Fault
from router.mapping.lint import check


class Options(Schema):
    base_url = fields.Url(require_tld=False, required=True)
    owner = fields.String(required=True)
    region = fields.String(validate=validate.OneOf(("eu", "us")))
    retries = fields.Integer()
    key = fields.String(required=True, metadata={"secret": True}, validate=validate.Length(min=20))


class Address(Schema):
    city = fields.String()
    zip = fields.String(data_key="zipCode")


class Consent(Schema):
    name = fields.String(required=True)
    accepted = fields.Boolean(required=True)


class Person(Schema):
    email = fields.Email(required=True)
    name = fields.String(allow_none=True)
    state = fields.String(validate=validate.OneOf(("NEW", "OLD")))
    age = fields.Integer()
    score = fields.Float()
    vip = fields.Boolean()
    born = fields.Date()
    seen = fields.DateTime()
    tags = fields.List(fields.String())
    numbers = fields.List(fields.Integer())
    address = fields.Nested(Address)
    consents = fields.List(fields.Nested(Consent))
    properties = fields.Dict(keys=fields.String(), values=fields.String())
    extra = fields.Raw()


class Open(Schema):
    class Meta:
        unknown = INCLUDE

    ref = fields.String(metadata={"recommended": "without it every call makes another one"})


class Key(Schema):
    email = fields.String(required=True)


CRM = ConnectorFacts(
    "crm",
    Options,
    {
        "upsert": OperationFacts(Person, frozenset({"profile"}), batch=10, batch_cap=100),
        "track": OperationFacts(Open, frozenset({"event", "profile"}), repeat_safe=False),
        "delete": OperationFacts(Key, frozenset({"profile"}), removes=True),
    },
)
CONNECTORS = {"crm": CRM}

CLIENT = """\
client: shop
groups:
  main:
    integrations:
      crm:
        connector: crm
        personal_data: true
        options: {base_url: {setting: crm_url, path: /v1}, owner: crm@shop.example}
        secrets: {key: crm_key}
"""

PERSON = """\
entity: profile
type: person
hard_id: [id]
fields:
  id: {type: string}
  email: {type: email, optional: true}
deliver:
  crm:
    operation: upsert
    when: {field: email, exists: true}
    map:
      email: email
      name: id
"""


def sources(files: dict[str, str]) -> tuple[Source, ...]:
    """The client's files, `client.yaml` unless given; paths below the client's directory."""
    every = {"client.yaml": CLIENT, **files}
    return tuple(Source(f"shop/{path}", dedent(text)) for path, text in every.items())


def faults(files: dict[str, str]) -> list[Fault]:
    return check(sources(files), CONNECTORS)


def compiled(files: dict[str, str]) -> MappingSet:
    return compile_set(sources(files), CONNECTORS)


def person(fields_: str, map_: str, more: str = "") -> str:
    """A profile `person` with `id` and `email`, further fields and targets, and further words of the file."""
    return "\n".join(
        [
            "entity: profile",
            "type: person",
            "hard_id: [id]",
            "fields:",
            "  id: {type: string}",
            "  email: {type: email, optional: true}",
            *(f"  {line}" for line in dedent(fields_).strip().splitlines()),
            "deliver:",
            "  crm:",
            "    operation: upsert",
            "    when: {field: email, exists: true}",
            "    map:",
            "      email: email",
            *(f"      {line}" for line in dedent(map_).strip("\n").splitlines()),
            dedent(more),
        ]
    )


def changed(old: str, new: str, text: str = PERSON) -> str:
    """The text with one thing changed in it."""
    assert old in text
    return text.replace(old, new, 1)


Case = tuple[str, dict[str, str], list[str]]  # name, files, every fault without the client's directory


def told(files: dict[str, str]) -> list[str]:
    """Every fault of the set, as it is shown, without the client's directory."""
    return [str(fault).removeprefix("shop/") for fault in faults(files)]
