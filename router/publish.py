"""Put a mapping set in force: checked whole, stored under its digest, with the destinations it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from router.catalog import facts
from router.config import CALLBACK, ROUTE
from router.ledger.base import Publication, Registry
from router.mapping import ClientConfig, Group, Integration, MappingSet, Source, compile_set
from router.model import Destination
from router.queue import queue_of

SINGLE_CHUNK = 32
"""Deliveries in one hint of a destination that takes them one by one."""
ROUTE_CHUNK = 200
MAX_HINTS = 4


def publish(registry: Registry, sources: Sequence[Source], author: str, message: str) -> Publication:
    """Check, compile and store the set. Raises `mapping.Broken` with every fault; then nothing was stored."""
    mapping = compile_set(sources, facts())
    documents = {source.path: source.text for source in sources}
    return registry.publish(mapping.digest, documents, destinations(mapping), author, message)


def destinations(mapping: MappingSet) -> list[Destination]:
    """Everything a set's records may go to: for each client its routing, for each group its integrations and callback."""
    found = []
    for client in mapping.clients.values():
        found.append(
            Destination(client.name, "", ROUTE, "route", "", queue_of("", "route"), f"route:{client.name}", ROUTE_CHUNK)
        )
        for group in client.groups.values():
            found += [_integration(client, group, each, mapping) for each in group.integrations.values()]
            if group.callback is not None:
                name = f"callback:{client.name}/{group.key}"
                queue = queue_of("webhook", "callback")
                found.append(
                    Destination(client.name, group.key, CALLBACK, "callback", "webhook", queue, name, SINGLE_CHUNK)
                )
    return found


def _integration(client: ClientConfig, group: Group, integration: Integration, mapping: MappingSet) -> Destination:
    batches = [mapping.batch_of(integration, operation) for operation in mapping.operations_of(client, group, integration)]
    return Destination(
        client=client.name,
        group=group.key,
        integration=integration.name,
        kind="deliver",
        connector=integration.connector,
        queue=queue_of(integration.connector, "deliver"),
        account=integration.account or _account(client, integration),
        chunk=max([SINGLE_CHUNK, *batches]),
        batch=max([1, *batches]),
        max_hints=integration.max_in_flight or MAX_HINTS,
        requests_per_second=integration.budget.requests_per_second,
        records_per_second=integration.budget.records_per_second,
        order_limit=integration.order_limit,
        enabled=integration.enabled,
    )


def _account(client: ClientConfig, integration: Integration) -> str:
    """Integrations with the same connector, options and secrets call the same account."""
    same = json.dumps([integration.options, integration.secrets], sort_keys=True, default=str)
    digest = hashlib.sha256(same.encode()).hexdigest()[:16]
    return f"{client.name}:{integration.connector}:{digest}"
