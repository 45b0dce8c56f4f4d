"""The demo's client, which may use every surface, on a ledger in memory: whom the API is described to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from router.ledger.base import AccessKey, ClientApiKey, Ledger
from router.ledger.memory import MemoryLedger
from router.mapping import Source, read_tree
from router.publish import publish
from router.vault import Vault
from tests.http.shop import (
    FERNET_KEY,
    OTHER_KEY,
    OTHER_SECRET,
    PERSON,
    PUBLIC,
    SECRET_KEY,
    TWO_GROUPS,
    USER,
    USER_ALIAS,
    USER_DEVICE,
    USER_EVENT,
    Receiver,
    serving,
    settings,
)
from tests.http.signing import ACCESS_KEY, SECRET

DEMO = Path(__file__).parents[2] / "mappings" / "demo"
CLIENT = "demo"
FILES: Mapping[str, str] = {
    **{f"{CLIENT}/{source.path}": source.text for source in read_tree(DEMO)},
    f"{CLIENT}/profile.user.yaml": USER,
    f"{CLIENT}/alias.user.yaml": USER_ALIAS,
    f"{CLIENT}/device.device.yaml": USER_DEVICE,
    f"{CLIENT}/event.event.yaml": USER_EVENT,
    "other/client.yaml": TWO_GROUPS,
    "other/profile.person.yaml": PERSON,
    "other/south/profile.person.yaml": PERSON.replace("email, optional: true", "string"),
}


def stock(ledger: Ledger, files: Mapping[str, str] = FILES) -> None:
    """Publish the mappings and hand out the keys."""
    publish(ledger, [Source(path, text) for path, text in files.items()], "tests", "")
    vault, now = Vault([FERNET_KEY]), datetime.now(UTC)
    ledger.add_access_key(AccessKey(ACCESS_KEY, CLIENT, vault.seal(SECRET), now))
    ledger.add_access_key(AccessKey(OTHER_KEY, "other", vault.seal(OTHER_SECRET), now))
    for token, scope in ((PUBLIC, "public"), (SECRET_KEY, "secret")):
        key = ClientApiKey(token[:11], CLIENT, "main_group", scope, now)
        ledger.add_client_api_key(key, hashlib.sha256(token.encode()).digest())


@contextmanager
def receiving(files: Mapping[str, str] = FILES, **changes: Any) -> Iterator[Receiver]:
    """A receiver that listens, on a ledger of its own. changes: of its settings."""
    ledger = MemoryLedger()
    stock(ledger, files)
    with serving(ledger, settings("postgresql://nowhere", **changes)) as receiver:
        yield receiver
