"""The console's pages about mappings: what was published, what becomes of a record, why a delivery has its values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest, NotFound

from router import logs, replay
from router.catalog import facts
from router.config import NothingPublished
from router.http.body import BodyError
from router.http.console.finding import request_digits
from router.http.console.session import operator, required
from router.http.services import Services
from router.ledger.base import Ledger, LedgerError, Publication, Unavailable
from router.mapping import Broken, Entry, MappingSet, Source, compile_set
from router.mapping.diff import Change, diff
from router.model import Action
from router.preview import Past, of_delivery, preview

SHOWN = 100
MAX_SAMPLE = 256 * 1024

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of record that a group may send. key: how the form names it."""

    client: str
    group: str
    entity: str
    type: str
    entry: Entry

    @property
    def key(self) -> str:
        return "/".join((self.client, self.group, self.entity, self.type))


def register(console: Blueprint, services: Services) -> None:
    """Add the pages to the console."""
    console.add_app_template_filter(_pretty, "pretty")
    console.add_app_template_filter(_flat, "flat")
    _publications(console, services)
    _previewing(console, services)
    _past(console, services)


def choices(mapping: MappingSet) -> Mapping[str, Choice]:
    """All that may be previewed, by key, sorted."""
    found = [
        Choice(client, group, entity, type, entry)
        for (client, group), entries in mapping.entries.items()
        for (entity, type), entry in entries.items()
    ]
    return {each.key: each for each in sorted(found, key=lambda one: one.key)}


def _publications(console: Blueprint, services: Services) -> None:
    @console.get("/mappings", endpoint="mappings")
    @required
    def mappings() -> Any:
        known = services.ledger.publications(SHOWN)
        before, after = (_published(known, request.args.get(name)) for name in ("before", "after"))
        changes = _changes(services, before, after) if before and after else None
        return render_template("console/mappings.html", known=known, before=before, after=after, changes=changes)


def _published(known: list[Publication], number: str | None) -> Publication | None:
    """The publication of this number; None when none is asked for."""
    if number is None:
        return None
    for each in known:
        if str(each.number) == number:
            return each
    raise NotFound(f"Nothing was published lately as number {number[:20]}.")


def _changes(services: Services, before: Publication, after: Publication) -> tuple[Change, ...]:
    return diff(_set(services, before), _set(services, after))


def _set(services: Services, publication: Publication) -> MappingSet:
    documents = services.ledger.documents_of(publication.digest) or {}
    try:
        return compile_set([Source(path, text) for path, text in documents.items()], facts())
    except Broken as broken:
        raise BadRequest(f"Number {publication.number} cannot be compiled any more: {broken}") from None


def _previewing(console: Blueprint, services: Services) -> None:
    @console.route("/preview", endpoint="preview", methods=["GET", "POST"])
    @required
    def previewed() -> Any:
        try:
            snapshot = services.config.current()
        except NothingPublished as error:
            raise NotFound(f"{error}.") from None
        known = choices(snapshot.set)
        chosen = known.get(request.values.get("choice", ""))
        sample, made, fault = request.form.get("sample", _example(chosen)), None, ""
        reveal = "reveal" in request.form
        if request.method == "POST" and chosen is not None:
            action = Action.DELETE if "delete" in request.form else Action.UPSERT
            try:
                made = preview(chosen.entry, _record(services, sample), services.settings.links, action, reveal=reveal)
            except BodyError as error:
                fault = "; ".join(error.messages)
        return render_template(
            "console/preview.html",
            choices=known,
            chosen=chosen,
            publication=snapshot.publication,
            sample=sample,
            reveal=reveal,
            delete="delete" in request.form,
            made=made,
            fault=fault,
        )


def _example(chosen: Choice | None) -> str:
    """A record to begin with: the file's first example, or the names of its fields."""
    if chosen is None:
        return ""
    return _pretty(next(iter(chosen.entry.examples), dict.fromkeys(chosen.entry.contract.fields)))


def _record(services: Services, sample: str) -> Mapping[str, Any]:
    """The record that was pasted; raises `BodyError`."""
    if len(sample) > MAX_SAMPLE:
        raise BodyError(f"the sample is longer than {MAX_SAMPLE:,} characters")
    record = services.reader.read(sample.encode("utf-8", "surrogatepass"))
    if not isinstance(record, dict):
        raise BodyError("the sample must be one record: a JSON object")
    return record


def _past(console: Blueprint, services: Services) -> None:
    @console.get("/deliveries/<uuid:delivery_id>", endpoint="delivery")
    @required
    def delivery(delivery_id: UUID) -> Any:
        reveal = "reveal" in request.args
        try:
            past = of_delivery(services.ledger, services.config, delivery_id, services.settings.links, reveal=reveal)
        except Unavailable:
            raise
        except LedgerError as error:
            raise NotFound(f"{error}.") from None
        if reveal:
            log.info("values revealed", delivery=str(delivery_id), by=operator())
        document = _document(services.ledger, delivery_id)
        (record,) = (each for each in document["records"] if each["deliveries"])
        return render_template(
            "console/delivery.html",
            past=past,
            document=document,
            record=record,
            told=record["deliveries"][0],
            reveal=reveal,
            now=_now(services, past) if past.delivery.payload else None,
            number=services.config.current().publication.number,
        )


def _now(services: Services, past: Past) -> replay.Change:
    """What the mapping in force makes of it."""
    (change,) = replay.changes([past.delivery], services.config.current())
    return change


def _document(ledger: Ledger, delivery_id: UUID) -> dict[str, Any]:
    """What became of a delivery, with what is said of its request."""
    for request_id in ledger.find(request_digits(str(delivery_id))):
        if found := ledger.document(request_id, delivery=delivery_id):
            return found
    raise NotFound(f"There is no delivery {delivery_id}.")


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
