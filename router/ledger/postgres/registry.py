"""What is configured, in PostgreSQL: keys, secrets, mapping sets and the destinations they name, shared tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from psycopg.rows import TupleRow

from router.ledger.base import AccessKey, ClientApiKey, LedgerError, Publication
from router.ledger.postgres.pool import ONE_CLAIM_AT_A_TIME, Database
from router.model import Destination

ACCESS_KEYS = "SELECT access_key_id, client, secret, created_at, expires_at, revoked_at, last_used_at FROM access_keys"
ADD_ACCESS_KEY = """
INSERT INTO access_keys (access_key_id, client, secret, created_at, expires_at, revoked_at, last_used_at)
VALUES (%(id)s, %(client)s, %(secret)s, %(created_at)s, %(expires_at)s, %(revoked_at)s, %(last_used_at)s)
ON CONFLICT DO NOTHING RETURNING true
"""
# A key that another receiver is noting at this moment was used just now anyway.
TOUCH = """
UPDATE access_keys SET last_used_at = now() WHERE access_key_id IN (
    SELECT access_key_id FROM access_keys WHERE access_key_id = ANY(%(ids)s) FOR UPDATE SKIP LOCKED)
"""
CLIENT_API_KEYS = "SELECT name, client, group_key, scope, created_at, revoked_at FROM client_api_keys"
ADD_CLIENT_API_KEY = """
INSERT INTO client_api_keys (name, digest, client, group_key, scope, created_at, revoked_at)
VALUES (%(name)s, %(digest)s, %(client)s, %(group)s, %(scope)s, %(created_at)s, %(revoked_at)s)
ON CONFLICT DO NOTHING RETURNING true
"""
_REVOKE = "SET revoked_at = now() WHERE revoked_at IS NULL"

SET_SECRET = """
INSERT INTO secrets (client, name, value) VALUES (%(client)s, %(name)s, %(value)s)
ON CONFLICT (client, name) DO UPDATE SET value = excluded.value, version = secrets.version + 1, set_at = now()
"""
# A sum, not the highest of a sequence: of two that are set at once, the later commit may have the lower number.
SECRETS_VERSION = "SELECT coalesce(sum(version), 0)::bigint FROM secrets"

KEEP_TOKEN = """
INSERT INTO tokens (account, token, expires_at) VALUES (%(account)s, %(token)s, %(expires_at)s)
ON CONFLICT (account) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at
"""

PUBLICATIONS = """
SELECT number, digest, author, message, published_at FROM publications ORDER BY number DESC LIMIT %(limit)s
"""
STORE_SET = (
    "INSERT INTO mapping_sets (digest, documents) VALUES (%(digest)s, %(documents)s::jsonb) ON CONFLICT DO NOTHING"
)
PUT_IN_FORCE = """
INSERT INTO publications (digest, author, message)
SELECT %(digest)s, %(author)s, %(message)s WHERE %(digest)s IS DISTINCT FROM (
    SELECT digest FROM publications ORDER BY number DESC LIMIT 1)
"""
_COLUMNS = {
    "client": "text",
    "group_key": "text",
    "integration": "text",
    "kind": "text",
    "connector": "text",
    "queue": "text",
    "account": "text",
    "chunk": "integer",
    "batch": "integer",
    "max_hints": "integer",
    "requests_per_second": "float8",
    "records_per_second": "float8",
    "release_rate": "float8",
    "order_limit": "float8",
    "enabled": "boolean",
}
_ARRAYS = ", ".join(f"%({name})s::{type}[]" for name, type in _COLUMNS.items())
_NAMES = ", ".join(_COLUMNS)
# What is new is inserted on its own: an upsert would spend a number on every destination of every publication.
NEW_DESTINATIONS = f"""
INSERT INTO destinations ({_NAMES})
SELECT * FROM unnest({_ARRAYS}) AS new ({_NAMES}) WHERE NOT EXISTS (
    SELECT FROM destinations AS d
    WHERE (d.client, d.group_key, d.integration) = (new.client, new.group_key, new.integration))
"""
CHANGED_DESTINATIONS = f"""
UPDATE destinations AS d SET ({_NAMES}) = ROW (new.*) FROM unnest({_ARRAYS}) AS new ({_NAMES})
WHERE (d.client, d.group_key, d.integration) = (new.client, new.group_key, new.integration)
    AND ({", ".join(f"d.{name}" for name in _COLUMNS)}) IS DISTINCT FROM ROW (new.*)
"""
DROPPED_DESTINATIONS = """
UPDATE destinations AS d SET enabled = false WHERE enabled AND NOT EXISTS (
    SELECT FROM unnest(%(client)s::text[], %(group_key)s::text[], %(integration)s::text[])
        AS new (client, group_key, integration)
    WHERE (d.client, d.group_key, d.integration) = (new.client, new.group_key, new.integration))
"""
ROUTES = """
WITH routes AS MATERIALIZED (
    SELECT DISTINCT ON (client) client, destination_id FROM destinations WHERE kind = 'route'
    ORDER BY client, enabled DESC, destination_id DESC
), wanted AS MATERIALIZED (
    SELECT d.destination_id, CASE WHEN d.kind = 'deliver' THEN r.destination_id END AS route_id
    FROM destinations AS d LEFT JOIN routes AS r USING (client)
)
UPDATE destinations AS d SET route_id = wanted.route_id FROM wanted
WHERE wanted.destination_id = d.destination_id AND d.route_id IS DISTINCT FROM wanted.route_id
"""

# Only where it is still what was read: a secret that is set meanwhile is under the newest key already.
RESEALED = (
    (
        "SELECT client || '/' || name, value FROM secrets",
        "UPDATE secrets SET value = %(new)s WHERE client || '/' || name = %(key)s AND value = %(old)s",
    ),
    (
        "SELECT access_key_id, secret FROM access_keys",
        "UPDATE access_keys SET secret = %(new)s WHERE access_key_id = %(key)s AND secret = %(old)s",
    ),
)


class Registry:
    """`router.ledger.base.Registry`."""

    _db: Database

    def access_key(self, access_key_id: str) -> AccessKey | None:
        rows = self._db.rows(f"{ACCESS_KEYS} WHERE access_key_id = %(id)s", {"id": access_key_id})
        return AccessKey(*rows[0]) if rows else None

    def access_keys(self, client: str | None = None) -> list[AccessKey]:
        where, params = _of(client)
        return [AccessKey(*row) for row in self._db.rows(f"{ACCESS_KEYS} {where} ORDER BY created_at, 1", params)]

    def add_access_key(self, key: AccessKey) -> None:
        params = {
            "id": key.access_key_id,
            "client": key.client,
            "secret": key.secret,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
            "last_used_at": key.last_used_at,
        }
        if not self._db.rows(ADD_ACCESS_KEY, params):
            raise LedgerError(f"there is an access key {key.access_key_id} already")

    def revoke_access_key(self, access_key_id: str) -> bool:
        revoked = f"UPDATE access_keys {_REVOKE} AND access_key_id = %(key)s RETURNING true"
        return bool(self._db.rows(revoked, {"key": access_key_id}))

    def touch_access_keys(self, used: Sequence[str]) -> None:
        self._db.rows(TOUCH, {"ids": list(used)})

    def client_api_key(self, digest: bytes) -> ClientApiKey | None:
        rows = self._db.rows(f"{CLIENT_API_KEYS} WHERE digest = %(digest)s", {"digest": digest})
        return ClientApiKey(*rows[0]) if rows else None

    def client_api_keys(self, client: str | None = None) -> list[ClientApiKey]:
        where, params = _of(client)
        return [
            ClientApiKey(*row) for row in self._db.rows(f"{CLIENT_API_KEYS} {where} ORDER BY created_at, 1", params)
        ]

    def add_client_api_key(self, key: ClientApiKey, digest: bytes) -> None:
        params = {
            "name": key.name,
            "digest": digest,
            "client": key.client,
            "group": key.group,
            "scope": key.scope,
            "created_at": key.created_at,
            "revoked_at": key.revoked_at,
        }
        if not self._db.rows(ADD_CLIENT_API_KEY, params):
            raise LedgerError(f"there is a client API key {key.name} already")

    def revoke_client_api_key(self, name: str) -> bool:
        revoked = f"UPDATE client_api_keys {_REVOKE} AND name = %(key)s RETURNING true"
        return bool(self._db.rows(revoked, {"key": name}))

    def secret(self, client: str, name: str) -> bytes | None:
        where = "WHERE client = %(client)s AND name = %(name)s"
        rows = self._db.rows(f"SELECT value FROM secrets {where}", {"client": client, "name": name})
        return bytes(rows[0][0]) if rows else None

    def secrets(self, client: str | None = None) -> list[tuple[str, str, datetime]]:
        where, params = _of(client)
        rows = self._db.rows(f"SELECT client, name, set_at FROM secrets {where} ORDER BY client, name", params)
        return [(row[0], row[1], row[2]) for row in rows]

    def set_secret(self, client: str, name: str, value: bytes) -> None:
        self._db.rows(SET_SECRET, {"client": client, "name": name, "value": value})

    def reseal(self, renew: Callable[[bytes], bytes]) -> int:
        count = 0
        for select, update in RESEALED:
            for row in self._db.rows(select):
                self._db.rows(update, {"old": row[1], "new": renew(bytes(row[1])), "key": row[0]})
                count += 1
        return count

    def secrets_version(self) -> int:
        return int(self._db.rows(SECRETS_VERSION)[0][0])

    def publish(
        self, digest: str, documents: Mapping[str, str], destinations: Sequence[Destination], author: str, message: str
    ) -> Publication:
        wanted = _arrays(destinations)
        with self._db.connection() as connection, connection.transaction():
            # No claim meanwhile: it writes to destinations too, and neither in an order of its own.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (ONE_CLAIM_AT_A_TIME,))
            connection.execute(STORE_SET, {"digest": digest, "documents": json.dumps(dict(documents))})
            for statement in (NEW_DESTINATIONS, CHANGED_DESTINATIONS, DROPPED_DESTINATIONS):
                connection.execute(statement, wanted)
            connection.execute(ROUTES)
            connection.execute(PUT_IN_FORCE, {"digest": digest, "author": author, "message": message})
            return Publication(*connection.execute(PUBLICATIONS, {"limit": 1}).fetchall()[0])

    def publication(self) -> Publication | None:
        return next(iter(self.publications(1)), None)

    def publications(self, limit: int = 50) -> list[Publication]:
        return [Publication(*row) for row in self._db.rows(PUBLICATIONS, {"limit": limit})]

    def documents_of(self, digest: str) -> Mapping[str, str] | None:
        rows = self._db.rows("SELECT documents FROM mapping_sets WHERE digest = %(digest)s", {"digest": digest})
        return dict(rows[0][0]) if rows else None

    def destinations(self) -> Mapping[int, Destination]:
        rows = self._db.rows(f"SELECT destination_id, {_NAMES} FROM destinations ORDER BY destination_id")
        return {row[0]: _destination(row) for row in rows}

    def token(self, account: str) -> tuple[bytes, datetime] | None:
        rows = self._db.rows("SELECT token, expires_at FROM tokens WHERE account = %(account)s", {"account": account})
        return (bytes(rows[0][0]), rows[0][1]) if rows else None

    def keep_token(self, account: str, token: bytes, expires_at: datetime) -> None:
        self._db.rows(KEEP_TOKEN, {"account": account, "token": token, "expires_at": expires_at})


def _of(client: str | None) -> tuple[str, dict[str, str]]:
    return ("WHERE client = %(client)s", {"client": client}) if client is not None else ("", {})


def _arrays(destinations: Sequence[Destination]) -> dict[str, list[object]]:
    return {name: [getattr(one, _field(name)) for one in destinations] for name in _COLUMNS}


def _destination(row: TupleRow) -> Destination:
    return Destination(**{_field(name): value for name, value in zip(_COLUMNS, row[1:], strict=True)})


def _field(column: str) -> str:
    return "group" if column == "group_key" else column
