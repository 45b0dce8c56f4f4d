"""Who is at the console: a login per operator, a signed cookie, and a token in every form."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Response, redirect, request, session, url_for
from werkzeug.exceptions import Forbidden
from werkzeug.security import check_password_hash, generate_password_hash

Page = Callable[..., Response | str]
_NOBODY = generate_password_hash(secrets.token_hex(16))


def cookie_key(secret_key: str) -> bytes:
    """What signs the cookie: derived from the newest of ROUTER_SECRET_KEYS, so that changing it ends all sessions."""
    return hmac.digest(secret_key.encode(), b"console cookie", hashlib.sha256)


def known(operators: Mapping[str, str], name: str, password: str) -> bool:
    """Whether the password is the operator's; takes as long for a name that nobody has."""
    return check_password_hash(operators.get(name, _NOBODY), password) and name in operators


def begin(name: str) -> None:
    session.clear()
    session["operator"] = name
    session["form"] = secrets.token_urlsafe(16)


def leave(operators: Mapping[str, str]) -> None:
    """End the session of one who is no operator any more."""
    if session.get("operator") and session["operator"] not in operators:
        session.clear()


def operator() -> str:
    return str(session.get("operator", ""))


def form_token() -> str:
    return str(session.get("form", ""))


def required(page: Page) -> Page:
    """Only for a known operator; a form is taken only with its token."""

    @wraps(page)
    def guarded(**arguments: Any) -> Any:
        if not operator():
            return redirect(url_for("console.login", next=request.full_path if request.method == "GET" else None))
        if request.method == "POST" and not hmac.compare_digest(request.form.get("form", ""), form_token()):
            raise Forbidden("This form has expired. Go back, load the page again and repeat.")
        return page(**arguments)

    return guarded
