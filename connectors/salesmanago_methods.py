"""How each operation of SALESmanago is spoken: its path, and what shares a call (contracts.md §1.4 to §1.6)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from connectors import salesmanago_body as build
from connectors import salesmanago_success as success
from connectors.base import Command, Outcome
from connectors.salesmanago_answers import Reading
from connectors.salesmanago_body import Body


@dataclass(frozen=True, slots=True)
class Method:
    """One way to speak.

    prepare: a command → what is sent of it; raises UnfitError.
    request: some such → the path and the members of one call.
    settle: a success → what became of each.
    kind: which may share a call; None: this one may not. entity: whose order matters.
    owned: the body names the owner. v3: it is of API v3. in_catalog: the record belongs to a catalog.
    """

    prepare: Callable[[Command], Body]
    request: Callable[[Sequence[Body]], tuple[str, Body]]
    settle: Callable[[Reading, Sequence[Command]], Sequence[Outcome]] = success.one
    kind: Callable[[Body], Hashable] = build.alone
    entity: Callable[[Body], Hashable] = build.address_of
    owned: bool = True
    v3: bool = False
    in_catalog: bool = False


_contact = Method(build.contact, build.contacts, success.contacts, build.contact_kind, build.contact_address)


def _about_contact(path: str, owned: bool = True) -> Method:
    return Method(build.addressed, build.at(path), owned=owned)


def _product(path: str) -> Method:
    request = partial(build.products, path)
    product = Method(build.product, request, success.products, build.catalog_of, build.product_id)
    return replace(product, v3=True, in_catalog=True)


METHODS: Mapping[str, Method] = {
    "upsert_contact": _contact,
    "set_consents": _contact,
    "delete_contact": _about_contact("/api/contact/delete"),
    "manage_tags": _about_contact("/api/contact/managetags"),
    "opt_in": _about_contact("/api/contact/optin", owned=False),
    "opt_out": _about_contact("/api/contact/optout", owned=False),
    "phone_opt_in": _about_contact("/api/contact/phoneoptin", owned=False),
    "phone_opt_out": _about_contact("/api/contact/phoneoptout", owned=False),
    "add_event": Method(build.event, build.events, success.events, build.event_kind, success.who),
    "upsert_product": _product("/v3/product/upsert"),
    "update_quantity": _product("/v3/product/updateQuantity"),
    "update_price": _product("/v3/product/updatePrice"),
    "upsert_catalog": Method(build.catalog, build.at("/v3/product/catalogUpsert"), entity=build.alone, v3=True),
}

Numbered = tuple[int, Command]


def calls(ready: Sequence[Numbered], method: Method, cap: int) -> Sequence[Sequence[Numbered]]:
    """The calls to make, as few as may be: no record of an entity goes out before an earlier one of it."""
    made: list[list[Numbered]] = []
    filling: dict[str, int] = {}  # kind → the call that takes more of it
    latest: dict[str, int] = {}  # entity → the last call that it is in
    for index, command in ready:
        body = dict(command.payload)
        # By how they are written: what a payload holds where an id belongs may be anything, a list too.
        kind, entity = repr(method.kind(body)), repr(method.entity(body))
        place = None if kind == "None" else filling.get(kind)
        if place is None or place < latest.get(entity, 0) or len(made[place]) >= cap:
            place = len(made)
            made.append([])
            filling[kind] = place
        made[place].append((index, command))
        latest[entity] = place
    return made
