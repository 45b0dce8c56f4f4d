"""Put a mapping set in force: checked whole, stored under its digest, with the destinations it names."""

from __future__ import annotations

from collections.abc import Sequence

from router.catalog import facts
from router.config import CALLBACK, ROUTE
from router.ledger.base import Publication, Registry
from router.mapping import Broken, Group, Integration, MappingSet, Severity, Source, compile_set
from router.mapping.lint import check
from router.model import Destination
from router.queue import queue_of

SINGLE_CHUNK = 64
"""Deliveries in one hint of a destination that takes them one by one."""
ROUTE_CHUNK = 200
MAX_HINTS = 4
ORDER_LIMIT = 3600.0


def publish(registry: Registry, sources: Sequence[Source], author: str, message: str) -> Publication:
    """Check, compile and store the set. Raises `mapping.Broken` with every fault; then nothing was stored."""
    broken = [fault for fault in check(sources, facts()) if fault.severity is Severity.ERROR]
    if broken:
        raise Broken(broken)
    mapping = compile_set(sources, facts())
    documents = {source.path: source.text for source in sources}
    return registry.publish(mapping.digest, documents, destinations(mapping), author, message)


def destinations(mapping: MappingSet) -> list[Destination]:
    """All that a set's records may go to: each client's routing, each group's integrations and callback."""
    found = []
    for client in mapping.clients.values():
        found.append(
            Destination(client.name, "", ROUTE, "route", "", queue_of("", "route"), f"route:{client.name}", ROUTE_CHUNK)
        )
        for group in client.groups.values():
            found += [
                _integration(client.name, group, each, _most(mapping, client.name, group, each))
                for each in group.integrations.values()
            ]
            if group.callback is not None:
                name = f"callback:{client.name}/{group.key}"
                queue = queue_of("webhook", "callback")
                found.append(
                    Destination(client.name, group.key, CALLBACK, "callback", "webhook", queue, name, SINGLE_CHUNK)
                )
    return found


def batch_of(connector: str, operation: str, integration: Integration) -> int:
    """How many deliveries one call carries: the integration's choice, within what the provider takes."""
    known = facts()[connector].operations[operation]
    return min(integration.batch or known.batch, known.batch_cap)


def _most(mapping: MappingSet, client: str, group: Group, integration: Integration) -> int:
    operations = {
        route.operation
        for entry in mapping.entries[client, group.key].values()
        for route in (*entry.routes, *entry.removals)
        if route.integration.name == integration.name and route.operation
    }
    return max([1, *(batch_of(integration.connector, each, integration) for each in operations)])


def _integration(client: str, group: Group, integration: Integration, batch: int) -> Destination:
    budget = integration.budget
    return Destination(
        client=client,
        group=group.key,
        integration=integration.name,
        kind="deliver",
        connector=integration.connector,
        queue=queue_of(integration.connector, "deliver"),
        account=integration.account,
        chunk=max(SINGLE_CHUNK, batch),
        batch=batch,
        max_hints=integration.max_in_flight or MAX_HINTS,
        requests_per_second=budget.requests_per_second,
        records_per_second=budget.records_per_second,
        order_limit=integration.order_limit or ORDER_LIMIT,
        enabled=integration.enabled,
    )
