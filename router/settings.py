"""The only reader of the environment: `Settings.from_env()` names everything that is wrong, then stops.

Every variable is `ROUTER_<NAME>`; a secret may instead be given as the path of a file, in `ROUTER_<NAME>_FILE`. Where
ours are absent the platforms' own serve: `DATABASE_URL`, `BROKER_URL`, `REDIS_URL`, `CLOUDAMQP_URL`, `PORT`,
`WEB_CONCURRENCY`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import fields as members
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from cryptography.fernet import Fernet
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

PREFIX = "ROUTER_"
LINK = "LINK_"
PLATFORM_NAMES = {
    "DATABASE_URL": ("DATABASE_URL",),
    "BROKER_URL": ("BROKER_URL", "REDIS_URL", "CLOUDAMQP_URL"),
    "PORT": ("PORT",),
    "WEB_WORKERS": ("WEB_CONCURRENCY",),
}
BROKERS = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "memory")
LEVELS = ("debug", "info", "warning", "error")


class BadSettings(SystemExit):
    """The list of all that is missing or malformed, one fault a line; ends the process with status 1."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("The settings are not usable:\n" + "\n".join(f"  {fault}" for fault in faults))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is configured outside the ledger. Durations are seconds, sizes bytes.

    secret_keys: Fernet keys, newest first: the first encrypts, all decrypt.
    regions: AWS regions accepted in a signature's scope.
    operators: who may use the console, name → werkzeug's password hash (`router keys operator NAME` makes one).
    links: base addresses that a mapping set refers to by name (`ROUTER_LINK_SANDBOX_URL` is `sandbox_url`).
    trusted_proxies: networks whose X-Forwarded-For is believed.
    client_rate: requests per second and client, all receivers together; 0 is unlimited.
    hints_per_queue: how many hints may be outstanding in one queue.
    lease: how long a started hint is left to its worker; above any call's total deadline.
    metrics_token: who may read `/metrics`; None: nobody.
    operator_webhook, operator_webhook_secret: where operators are told of breakers, signed by Standard Webhooks.
    """

    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8080
    web_workers: int = 2
    web_threads: int = 8
    regions: tuple[str, ...] = ("eu-west-1", "eu-north-1")
    accept_null_group_key: bool = False
    strict_client_api: bool = False
    max_body: int = 1_048_576
    max_ndjson_body: int = 10_485_760
    client_rate: float = 0.0
    allow_private_targets: bool = False
    ca_bundle: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    log_level: str = "info"
    hints_per_queue: int = 16
    lease: float = 40.0
    retention_days: int = 90
    allow_unsafe_durability: bool = False
    operators: Mapping[str, str] = field(default_factory=dict, repr=False)
    metrics_token: str | None = field(default=None, repr=False)
    operator_webhook: str | None = field(default=None, repr=False)
    operator_webhook_secret: str | None = field(default=None, repr=False)
    links: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this process; raises `BadSettings` with every fault at once."""
        given, faults = _gather(os.environ if environ is None else environ)
        links = {name.removeprefix(LINK).lower(): url for name, url in given.items() if name.startswith(LINK)}
        try:
            values: dict[str, Any] = _Schema().load({name.lower(): text for name, text in given.items()})
        except ValidationError as error:
            found: Mapping[str, Any] = error.messages_dict
            faults += [f"{PREFIX}{name.upper()}: {' '.join(_flat(texts))}" for name, texts in found.items()]
            values = {}
        if faults:
            raise BadSettings(sorted(faults))
        return cls(**values, links=links)


def _gather(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    given = {name.removeprefix(PREFIX): text for name, text in environ.items() if name.startswith(PREFIX)}
    faults = []
    for name in [name for name in given if name.endswith("_FILE")]:
        path = given.pop(name)
        try:
            given.setdefault(name.removesuffix("_FILE"), Path(path).read_text(encoding="utf-8").strip())
        except OSError as error:
            faults.append(f"{PREFIX}{name}: {path} cannot be read ({error.strerror}); name a readable file")
    for name, others in PLATFORM_NAMES.items():
        for other in others:
            if other in environ:
                given.setdefault(name, environ[other])
    return given, faults


def _flat(texts: Any) -> list[str]:
    if isinstance(texts, Mapping):
        return [text for inner in texts.values() for text in _flat(inner)]
    return [str(text) for text in texts] if isinstance(texts, list) else [str(texts)]


class _Words(fields.Field[tuple[str, ...]]):
    """Values separated by commas."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def _is_postgresql(url: str) -> None:
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise ValidationError("not a PostgreSQL address; begin with postgresql://")


def _is_broker(url: str) -> None:
    scheme = urlsplit(url.split(";", maxsplit=1)[0]).scheme
    if scheme not in BROKERS:
        why = "Redis Cluster cannot carry Celery; use one Redis, or Sentinel" if "cluster" in scheme else "unknown kind"
        raise ValidationError(f"{scheme}: {why}; begin with one of {', '.join(BROKERS)}")
    if scheme == "sentinel" and "master_name" not in dict(parse_qsl(urlsplit(url).query)):
        raise ValidationError("sentinel: which master is meant? end the address with ?master_name=NAME")


def _are_fernet_keys(keys: tuple[str, ...]) -> None:
    if not keys:
        raise ValidationError("no key given; make one with `router keys fernet`")
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            text = f"key {number} is not 32 url-safe base64 bytes; make one with `router keys fernet`"
            raise ValidationError(text) from None


class _Operators(fields.Field[dict[str, str]]):
    """`name:hash` pairs separated by commas."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        pairs = [part.strip().partition(":") for part in str(value).split(",") if part.strip()]
        if bad := [name for name, _, hashed in pairs if not name or not hashed.startswith(("scrypt:", "pbkdf2:"))]:
            names = ", ".join(repr(name) for name in bad)
            raise ValidationError(f"{names}: not name:hash; `router keys operator NAME` makes one")
        return {name: hashed for name, _, hashed in pairs}


def _are_networks(networks: tuple[str, ...]) -> None:
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            raise ValidationError(f"{network!r} is neither an address nor a network such as 10.0.0.0/8") from None


_ABOVE_0 = validate.Range(min=0, min_inclusive=False, error="must be above 0")
_FROM_0 = validate.Range(min=0, error="must not be below 0")


def _missing(advice: str) -> dict[str, str | list[Any] | dict[Any, Any]]:
    return {"required": f"missing; set it to {advice}"}


class _Schema(Schema):
    class Meta:
        unknown = EXCLUDE

    database_url = fields.String(
        required=True,
        validate=_is_postgresql,
        error_messages=_missing("the ledger's PostgreSQL, such as postgresql://router@db/router"),
    )
    broker_url = fields.String(
        required=True,
        validate=_is_broker,
        error_messages=_missing("the broker, such as redis://broker:6379/0 or amqp://router@broker//"),
    )
    secret_keys = _Words(
        required=True,
        validate=_are_fernet_keys,
        error_messages=_missing("Fernet keys, newest first; make one with `router keys fernet`"),
    )
    host = fields.String()
    port = fields.Integer(validate=validate.Range(0, 65535, error="not a port (0 to 65535)"))
    web_workers = fields.Integer(validate=_ABOVE_0)
    web_threads = fields.Integer(validate=_ABOVE_0)
    regions = _Words(validate=validate.Length(min=1, error="name at least one region"))
    accept_null_group_key = fields.Boolean()
    strict_client_api = fields.Boolean()
    max_body = fields.Integer(validate=_ABOVE_0)
    max_ndjson_body = fields.Integer(validate=_ABOVE_0)
    client_rate = fields.Float(validate=_FROM_0)
    allow_private_targets = fields.Boolean()
    ca_bundle = fields.String()
    trusted_proxies = _Words(validate=_are_networks)
    log_level = fields.String(validate=validate.OneOf(LEVELS, error=f"not one of {', '.join(LEVELS)}"))
    hints_per_queue = fields.Integer(validate=_ABOVE_0)
    lease = fields.Float(validate=_ABOVE_0)
    retention_days = fields.Integer(validate=_ABOVE_0)
    allow_unsafe_durability = fields.Boolean()
    operators = _Operators()
    metrics_token = fields.String(validate=validate.Length(min=16, error="must be 16 characters or more"))
    operator_webhook = fields.String()
    operator_webhook_secret = fields.String()

    @validates_schema(skip_on_field_errors=False)
    def _webhook_is_whole(self, data: Mapping[str, Any], **_: Any) -> None:
        given = {name for name in ("operator_webhook", "operator_webhook_secret") if data.get(name)}
        if len(given) == 1:
            (missing,) = {"operator_webhook", "operator_webhook_secret"} - given
            raise ValidationError(f"missing; set it together with {PREFIX}{given.pop().upper()}", missing)


if {f.name for f in members(Settings)} - {"links"} != set(_Schema().fields):
    raise AssertionError("Settings and its schema name different settings")
