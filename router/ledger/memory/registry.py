"""What is configured, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from router.ledger.base import AccessKey, ClientApiKey, LedgerError, Publication
from router.ledger.memory.store import Store, Target
from router.model import Destination


class Registry:
    """`router.ledger.base.Registry`."""

    _store: Store

    def access_key(self, access_key_id: str) -> AccessKey | None:
        with self._store.lock:
            return self._store.access_keys.get(access_key_id)

    def access_keys(self, client: str | None = None) -> list[AccessKey]:
        with self._store.lock:
            keys = [key for key in self._store.access_keys.values() if client in (None, key.client)]
        return sorted(keys, key=lambda key: (key.created_at, key.access_key_id))

    def add_access_key(self, key: AccessKey) -> None:
        with self._store.lock:
            if key.access_key_id in self._store.access_keys:
                raise LedgerError(f"there is an access key {key.access_key_id} already")
            self._store.access_keys[key.access_key_id] = key

    def revoke_access_key(self, access_key_id: str) -> bool:
        with self._store.lock:
            key = self._store.access_keys.get(access_key_id)
            if key is None or key.revoked_at is not None:
                return False
            self._store.access_keys[access_key_id] = replace(key, revoked_at=self._store.now())
            return True

    def touch_access_keys(self, used: Sequence[str]) -> None:
        with self._store.lock:
            for id in used:
                if id in self._store.access_keys:
                    touched = replace(self._store.access_keys[id], last_used_at=self._store.now())
                    self._store.access_keys[id] = touched

    def client_api_key(self, digest: bytes) -> ClientApiKey | None:
        with self._store.lock:
            return self._store.client_api_keys.get(digest)

    def client_api_keys(self, client: str | None = None) -> list[ClientApiKey]:
        with self._store.lock:
            keys = [key for key in self._store.client_api_keys.values() if client in (None, key.client)]
        return sorted(keys, key=lambda key: (key.created_at, key.name))

    def add_client_api_key(self, key: ClientApiKey, digest: bytes) -> None:
        with self._store.lock:
            names = {known.name for known in self._store.client_api_keys.values()}
            if digest in self._store.client_api_keys or key.name in names:
                raise LedgerError(f"there is a client API key {key.name} already")
            self._store.client_api_keys[digest] = key

    def revoke_client_api_key(self, name: str) -> bool:
        with self._store.lock:
            for digest, key in self._store.client_api_keys.items():
                if key.name == name and key.revoked_at is None:
                    self._store.client_api_keys[digest] = replace(key, revoked_at=self._store.now())
                    return True
            return False

    def secret(self, client: str, name: str) -> bytes | None:
        with self._store.lock:
            kept = self._store.secrets.get((client, name))
            return None if kept is None else kept[0]

    def secrets(self, client: str | None = None) -> list[tuple[str, str, datetime]]:
        with self._store.lock:
            kept = [(*key, set_at) for key, (_, _, set_at) in self._store.secrets.items()]
        return sorted(each for each in kept if client in (None, each[0]))

    def set_secret(self, client: str, name: str, value: bytes) -> None:
        with self._store.lock:
            _, version, _ = self._store.secrets.get((client, name), (b"", 0, None))
            self._store.secrets[client, name] = (value, version + 1, self._store.now())

    def reseal(self, renew: Callable[[bytes], bytes]) -> int:
        with self._store.lock:
            for place, (value, version, set_at) in self._store.secrets.items():
                self._store.secrets[place] = (renew(value), version, set_at)
            for id, key in self._store.access_keys.items():
                self._store.access_keys[id] = replace(key, secret=renew(key.secret))
            return len(self._store.secrets) + len(self._store.access_keys)

    def secrets_version(self) -> int:
        with self._store.lock:
            return sum(version for _, version, _ in self._store.secrets.values())

    def publish(
        self, digest: str, documents: Mapping[str, str], destinations: Sequence[Destination], author: str, message: str
    ) -> Publication:
        store = self._store
        with store.lock:
            store.mapping_sets.setdefault(digest, dict(documents))
            self._sync(destinations)
            if not store.publications or store.publications[-1].digest != digest:
                number = len(store.publications) + 1
                store.publications.append(Publication(number, digest, author, message, store.now()))
            return store.publications[-1]

    def _sync(self, destinations: Sequence[Destination]) -> None:
        """Numbers never change; what is not named any more stays, disabled."""
        targets = self._store.targets
        numbers = {target.given.name: number for number, target in targets.items()}
        for given in destinations:
            number = numbers.setdefault(given.name, len(numbers) + 1)
            targets.setdefault(number, Target(given, lately_since=self._store.now())).given = given
        named = {given.name for given in destinations}
        for target in targets.values():
            if target.given.name not in named:
                target.given = replace(target.given, enabled=False)
        routes = _routes(targets.items())
        for target in targets.values():
            target.route = routes.get(target.given.client) if target.given.kind == "deliver" else None

    def publication(self) -> Publication | None:
        with self._store.lock:
            return self._store.publications[-1] if self._store.publications else None

    def publications(self, limit: int = 50) -> list[Publication]:
        with self._store.lock:
            return self._store.publications[::-1][:limit]

    def documents_of(self, digest: str) -> Mapping[str, str] | None:
        with self._store.lock:
            return self._store.mapping_sets.get(digest)

    def destinations(self) -> Mapping[int, Destination]:
        with self._store.lock:
            return {number: target.given for number, target in sorted(self._store.targets.items())}

    def token(self, account: str) -> tuple[bytes, datetime] | None:
        with self._store.lock:
            return self._store.tokens.get(account)

    def keep_token(self, account: str, token: bytes, expires_at: datetime) -> None:
        with self._store.lock:
            self._store.tokens[account] = (token, expires_at)


def _routes(targets: Iterable[tuple[int, Target]]) -> dict[str, int]:
    """Each client's route: the newest that is enabled, else the newest there was."""
    routes = [(target.given.enabled, number, target) for number, target in targets if target.given.kind == "route"]
    return {target.given.client: number for _, number, target in sorted(routes, key=lambda each: each[:2])}
