"""A client's groups, their integrations and callbacks, as `client.yaml` has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that the host of the router has: what is the same everywhere but for where it runs.

    The closed word for it is `{setting: sandbox_url, path: /salesmanago}`.
    """

    name: str
    path: str = ""

    def resolve(self, settings: Mapping[str, str]) -> str:
        """LookupError, naming the setting, when the host does not have it."""
        if self.name not in settings:
            raise LookupError(f"the setting '{self.name}' is not there; known: {', '.join(sorted(settings)) or 'none'}")
        return settings[self.name].rstrip("/") + self.path if self.path else settings[self.name]


def resolve(value: Any, settings: Mapping[str, str]) -> Any:
    """A value that may be a setting."""
    return value.resolve(settings) if isinstance(value, Setting) else value


class OnUnknown(StrEnum):
    """What happens to a delivery that may have been executed."""

    HOLD = "hold"  # a person decides
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Budget:
    """How fast an account may be called; None is without limit of its own."""

    requests_per_second: float | None = None
    records_per_second: float | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """secret: the name of the secret that signs the callbacks."""

    url: str | Setting
    secret: str

    def address(self, settings: Mapping[str, str]) -> str:
        return str(resolve(self.url, settings))


@dataclass(frozen=True, slots=True)
class Integration:
    """A group's configured use of a connector.

    options: without secrets, as written; see `configure`. secrets: option → name of the secret that it takes.
    account: integrations of the same account share its budget. personal_data: cleared to get it.
    schedule: seconds between attempts; None is the router's own. batch: None is the operation's own.
    order_limit: seconds after which a blocked record no longer holds back those behind it; None is the router's own.
    """

    name: str
    connector: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    enabled: bool = True
    personal_data: bool = False
    budget: Budget = Budget()
    schedule: tuple[float, ...] | None = None
    batch: int | None = None
    max_in_flight: int | None = None
    on_unknown: OnUnknown = OnUnknown.HOLD
    order_limit: float | None = None

    def settings(self) -> frozenset[str]:
        """The names of the settings that the host must have for it."""
        return frozenset(value.name for value in self.options.values() if isinstance(value, Setting))

    def configure(self, settings: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, Any]:
        """The connector's options with settings and secrets (by their names) put in: what its schema loads.

        LookupError, naming the setting or the secret, when one is not there. The result holds secrets: never log it.
        """
        options = {name: resolve(value, settings) for name, value in self.options.items()}
        for option, name in self.secrets.items():
            if name not in secrets:
                raise LookupError(f"the secret '{name}' of integration '{self.name}' is not there")
            options[option] = secrets[name]
        return options


@dataclass(frozen=True, slots=True)
class Group:
    """callback: the group's own, or else the client's; None when neither has one."""

    key: str
    integrations: Mapping[str, Integration]
    callback: Webhook | None = None


@dataclass(frozen=True, slots=True)
class ClientConfig:
    name: str
    groups: Mapping[str, Group]
    callback: Webhook | None = None


def account_of(client: str, integration: Integration, named: str) -> str:
    """The account of a client's integration: the one it names, or that of the same connector, options and secrets."""
    if named:
        return f"{integration.connector}:{client}:{named}"
    plain = {
        name: {"setting": value.name, "path": value.path} if isinstance(value, Setting) else value
        for name, value in integration.options.items()
    }
    told = json.dumps([client, plain, dict(integration.secrets)], sort_keys=True, ensure_ascii=False)
    return f"{integration.connector}:{sha256(told.encode()).hexdigest()[:12]}"
