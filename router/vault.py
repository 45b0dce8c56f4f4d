"""Secrets at rest: encrypted with the newest key, decrypted with any."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Unreadable(Exception):
    """A secret that none of the configured keys opens."""

    def __init__(self) -> None:
        super().__init__("a stored secret opens with none of ROUTER_SECRET_KEYS; add the key it was set with")


class Vault:
    """Encrypts and decrypts with `ROUTER_SECRET_KEYS`, newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises `Unreadable`."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise Unreadable from None

    def renew(self, sealed: bytes) -> bytes:
        """The same secret under the newest key. Raises `Unreadable`."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise Unreadable from None

    @staticmethod
    def new_key() -> str:
        return Fernet.generate_key().decode()
