"""A client asks what would become of its records: mapped by what is in force for it, kept nowhere and sent nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask, Response

from router.accept import BadCall
from router.http.answers import document
from router.http.services import Services
from router.http.signed import authenticate, wait_for_turn
from router.http.wire import current
from router.http.wrapper import Form, Submission, unwrap
from router.mapping import Entry, MappingSet
from router.mapping.lineage import Explained, FieldLineage
from router.model import Entity
from router.preview import Preview, preview

PATH = "/v2/preview"
ENTITIES = tuple(each.value for each in Entity)
UNTYPED = (Entity.CONTACT, Entity.EVENT, Entity.PRODUCT)  # in v1


def register(app: Flask, services: Services) -> None:
    garbled = services.settings.accept_null_group_key

    def previewed() -> Response:
        """Each record's payloads, their lineage and the requests they would become; a refused record says why."""
        inbound = current()
        inbound.surface = "v2"
        key, body = authenticate(services, inbound, services.settings.max_body)
        wait_for_turn(services, key.client)
        wrapper = services.reader.read(body)
        entity, submission = _unwrapped(wrapper, garbled)
        snapshot = services.config.current()
        group, entry = _entry(snapshot.set, key.client, entity, submission)
        links = services.settings.links
        return document(
            {
                "requestId": inbound.id_text,
                "groupKey": group,
                "entity": entity,
                "type": submission.type,
                "mappingVersion": snapshot.publication.digest,
                "records": [told(preview(entry, record, links, reveal=True)) for record in submission.records],
            }
        )

    for prefix in ("", "/staging"):
        app.add_url_rule(f"{prefix}{PATH}", f"{prefix}preview", previewed, methods=["POST"])


def told(made: Preview) -> dict[str, Any]:
    """A preview as the answer has it."""
    explanation = made.explanation
    return {
        "problems": [{"field": each.field, "message": each.message} for each in explanation.problems],
        "integrations": [_integration(each, made.requests[each.integration]) for each in explanation.integrations],
        "nowhere": dict(explanation.nowhere),
    }


def _integration(one: Explained, request: Mapping[str, Any]) -> dict[str, Any]:
    refusal = request.get("nothing_sent")
    return {
        "integration": one.integration,
        "connector": one.connector,
        "operation": one.operation,
        "skipped": one.skipped or None,
        "payload": one.payload,
        "fields": [_field(each) for each in one.fields],
        "request": None if refusal else request,
        "notSent": refusal,
    }


def _field(one: FieldLineage) -> dict[str, Any]:
    return {
        "target": one.target,
        "sources": list(one.sources),
        "rule": one.rule,
        "steps": [{"step": each.step, "before": each.before, "after": each.after} for each in one.steps],
        "value": one.value,
        "absent": one.absent or None,
    }


def _unwrapped(wrapper: Any, garbled: bool) -> tuple[str, Submission]:
    """The body taken apart as at the surface it is meant for; raises `BadCall`, `WrapperError`."""
    entity = wrapper.get("entity") if isinstance(wrapper, dict) else None
    typed = entity not in UNTYPED or "type" in wrapper
    submission = unwrap(wrapper, Form(typed=typed, garbled=garbled and typed))
    faults = list(submission.faults)
    if entity not in ENTITIES:
        faults.append(f"entity: {'missing' if entity is None else 'unknown'}; send one of {', '.join(ENTITIES)}")
    if faults:
        raise BadCall(faults)
    return str(entity), submission


def _entry(mapping: MappingSet, client: str, entity: str, submission: Submission) -> tuple[str, Entry]:
    groups: Sequence[str] = sorted(mapping.groups(client))
    group = submission.group or (groups[0] if len(groups) == 1 else None)
    if group is None or group not in groups:
        what = "missing" if group is None else f"{group[:80]!r} is not known"
        raise BadCall([f"groupKey: {what}; this client has {', '.join(groups) or 'none'}"])
    entry = mapping.entry(client, group, entity, submission.type)
    if entry is None:
        known = ", ".join(filter(None, mapping.types(client, entity, group))) or "none"
        raise BadCall([f"type: {submission.type[:80]!r} is not known for {entity}; this client has {known}"])
    return group, entry
