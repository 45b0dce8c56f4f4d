"""Sendios: transactional mail and the users it goes to (contracts.md §2).

No batches, no idempotency keys. Only a mail creates a user, asynchronously; everything else needs one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, ClassVar
from urllib.parse import quote

from marshmallow import Schema

from connectors import sendios_fields as fields
from connectors.base import Answer, Command, Operation, Outcome, Tokens, Wire
from connectors.errors import WireError
from connectors.feedback import Parser
from connectors.feedback import sendios as read_feedback
from connectors.outcomes import invalid, of_failure, rejected
from connectors.sendios_answers import Seen, Traits, outcome, read

CATEGORIES = {"send_system": 1, "send_trigger": 2}
PATHS = {"send_system": "push/system", "send_trigger": "push/trigger"}
NOT_FIELDS = frozenset({"email", "user_id", "custom_fields"})
NO_PLACE = "the documented shape of a mail has no place for it: see the option push_shape"
CLIENT = 8  # the source of an unsubscription by the client's system

_PEOPLE = frozenset({"profile", "event"})
_PROFILE = frozenset({"profile"})


@dataclass(frozen=True, slots=True)
class Request:
    """path: below /v1/, percent-encoded."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


class Sendios:
    options: ClassVar[type[Schema]] = fields.Options
    feedback: ClassVar[Parser] = staticmethod(read_feedback)
    masked: ClassVar[frozenset[str]] = frozenset({"ak"})  # logs the user in to the client's product
    operations: ClassVar[Mapping[str, Operation]] = {
        "send_system": Operation(fields.Push, _PEOPLE, repeat_safe=False, description="a system mail (category 1)"),
        "send_trigger": Operation(fields.Push, _PEOPLE, repeat_safe=False, description="a trigger mail (category 2)"),
        "set_user_fields": Operation(fields.UserFields, _PEOPLE, description="add or update data of an existing user"),
        "link_client_user": Operation(
            fields.ClientUser, frozenset({"profile", "alias"}), description="tell the user's id at the client"
        ),
        "check_email": Operation(fields.EmailCheck, _PEOPLE, description="is this address valid; warns when it is not"),
        "unsubscribe": Operation(fields.Unsubscribe, _PEOPLE, description="no more mail but system mail"),
        "resubscribe": Operation(fields.User, _PEOPLE, description="take an unsubscription back"),
        "erase_user": Operation(fields.Erasure, _PROFILE, removes=True, description="erase the user and their data"),
    }
    _schemas: ClassVar[Mapping[str, Schema]] = {name: each.fields(partial=True) for name, each in operations.items()}
    traits: ClassVar[Mapping[str, Traits]] = {
        "send_system": Traits(mails=True),
        "send_trigger": Traits(mails=True),
        "set_user_fields": Traits(needs_user=True),
        "link_client_user": Traits(needs_user=True),
        "check_email": Traits(),
        "unsubscribe": Traits(needs_user=True),
        "resubscribe": Traits(needs_user=True),
        "erase_user": Traits(needs_user=True, erases=True),
    }

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None:  # noqa: ARG002 (the port's)
        key = options.get("api_key") or sha1(options["sdk_key"].encode()).hexdigest()  # noqa: S324 (the provider's)
        self._wire = wire
        self._root = options["base_url"].removesuffix("/v1") + "/v1/"
        self._headers = {"Authorization": "Basic " + _base64(f"{options['client_id']}:{key}")}
        self._client = options["client_id"]
        self._project = options["project_id"]
        self._documented = options["push_shape"] == "documented"
        self._platforms = {**fields.PLATFORMS, **options["platform_ids"]}
        self._user_wait = options["user_wait"]

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        return [self._send(operation, command) for command in commands]

    def _send(self, operation: str, command: Command) -> Outcome:
        if fault := self._schemas[operation].validate(command.payload):
            return invalid(fault)
        try:
            request = self._builders[operation](self, operation, command)
            if isinstance(request, Outcome):
                return request
            answer = self._call(request)
        except WireError as error:
            return of_failure(error, self.operations[operation].repeat_safe)
        return outcome(read(answer), command, self.traits[operation], self._user_wait)

    def _call(self, request: Request) -> Answer:
        return self._wire.call(request.method, self._root + request.path, headers=self._headers, json=request.body)

    def _push(self, operation: str, command: Command) -> Request | Outcome:
        """Shape A as documented, or B as the PHP SDK of 2024 sends it (contracts.md §2.3.1)."""
        payload = command.payload
        data = dict(payload.get("data", {}))
        user = self._with_platform(data.pop("user", {}))
        meta = {**payload.get("meta", {}), "router_message_id": command.id}
        settings = payload.get("transactional_mail_settings")
        body: dict[str, Any] = {"type_id": payload.get("type_id"), "project_id": self._project}
        if self._documented:
            if settings:
                return rejected(NO_PLACE, errors={"transactional_mail_settings": NO_PLACE})
            body |= {"category": CATEGORIES[operation], "client_id": self._client}
            body |= {"data": {"user": user, **data}, "meta": meta}
        else:
            body |= {"email": user.pop("email", None), "data": {**data, "user": user, "meta": meta}}
            body |= {"transactional_mail_settings": settings} if settings else {}
        return Request("POST", PATHS[operation], body)

    def _set_user_fields(self, _: str, command: Command) -> Request | Outcome:
        payload = command.payload
        if payload.get("user_id"):
            user = f"user/{payload['user_id']}"
        elif payload.get("email"):
            user = f"project/{self._project}/emailhash/{email_hash(payload['email'])}"
        else:
            return nobody()
        own = {name: value for name, value in payload.items() if name not in NOT_FIELDS}
        body = {**payload.get("custom_fields", {}), **self._with_platform(own)}
        return Request("PUT", f"userfields/{user}", body)

    def _link(self, _: str, command: Command) -> Request:
        return Request("POST", "clientuser/create", {"project_id": self._project, **command.payload})

    def _check(self, _: str, command: Command) -> Request:
        return Request("POST", "email/check", dict(command.payload))

    def _erase(self, _: str, command: Command) -> Request:
        return Request("POST", "user/erase", {"project_id": self._project, "force_delete": False, **command.payload})

    def _unsubscribe(self, _: str, command: Command) -> Request | Outcome:
        payload = command.payload
        if payload.get("user_id"):
            return Request("POST", f"unsub/{payload['user_id']}/source/{payload.get('source', CLIENT)}", {})
        if payload.get("email"):
            return Request("POST", f"unsub/admin/{self._project}/email/{email_hash(payload['email'])}", {})
        return nobody()

    def _resubscribe(self, operation: str, command: Command) -> Request | Outcome:
        """By id only; an address is looked up first."""
        user_id, email = command.payload.get("user_id"), command.payload.get("email")
        if not user_id:
            if not email:
                return nobody()
            reading = read(self._call(Request("GET", f"user/project/{self._project}/email/{quote(email, safe='')}")))
            if reading.seen is not Seen.DONE:
                return outcome(reading, command, self.traits[operation], self._user_wait)
            user = reading.data.get("user")
            user_id = user.get("id") if isinstance(user, dict) else None
        return Request("DELETE", f"unsub/{user_id}") if user_id else rejected("Sendios tells no id for this address")

    def _with_platform(self, user: Mapping[str, Any]) -> dict[str, Any]:
        """With the platform's number in place of its name; an unknown name is for the provider to refuse."""
        named = user.get("platform_id")
        return {**user, "platform_id": self._platforms.get(named, named)} if isinstance(named, str) else dict(user)

    _builders: ClassVar[Mapping[str, Callable[[Sendios, str, Command], Request | Outcome]]] = {
        "send_system": _push,
        "send_trigger": _push,
        "set_user_fields": _set_user_fields,
        "link_client_user": _link,
        "check_email": _check,
        "unsubscribe": _unsubscribe,
        "resubscribe": _resubscribe,
        "erase_user": _erase,
    }


def nobody() -> Outcome:
    return rejected("who is meant: neither user_id nor email", errors={"email": "needed without user_id"})


def email_hash(email: str) -> str:
    """The address as a path segment: standard base64, not a digest, whose "/", "+" and "=" must not meet a router.

    >>> email_hash("~~~???@example.com")
    'fn5%2BPz8%2FQGV4YW1wbGUuY29t'
    """
    return quote(_base64(email), safe="")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")
