"""The console's pages: requests and their stories, integrations, dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, NotFound

from router.http import errors
from router.http.console import acting, mappings
from router.http.console.finding import FILTERS, PAGE, SHORTEST, SPAN, listed, moment, of_hard_id, searched, uuid, word
from router.http.console.session import begin, cookie_key, form_token, known, leave, operator, required
from router.http.console.words import MEANINGS
from router.http.services import Services
from router.http.wire import current
from router.ledger.base import Selection
from router.model import FAILED

LETTERS = 100
AWAY = ("The ledger does not answer", "Nothing can be shown or done at the moment. Try again in a few seconds.")
BROKEN = ("This did not work", "It is our fault, and it is in the log under the id below.")
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def register(app: Flask, services: Services) -> None:
    """Add the console. Without operators (`ROUTER_OPERATORS`) nobody can log in."""
    app.secret_key = cookie_key(services.settings.secret_keys[0])
    app.config.update(
        SESSION_COOKIE_NAME="router_console", SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_HTTPONLY=True
    )
    console = Blueprint(
        "console", __name__, url_prefix="/console", template_folder="templates", static_folder="../static"
    )
    _session(console, services)
    _reading(console, services)
    acting.register(console, services)
    mappings.register(console, services)
    console.after_request(_sealed)
    console.before_request(lambda: leave(services.settings.operators))
    console.register_error_handler(Exception, lambda error: _told(services, error))
    console.context_processor(lambda: {"operator": operator(), "form_token": form_token(), "meanings": MEANINGS})
    console.add_app_template_filter(_clock, "clock")
    console.add_app_template_filter(_after, "after")
    app.register_blueprint(console)


def _sealed(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _told(services: Services, error: Exception) -> tuple[str, int]:
    """As a page; what is not the operator's doing is logged as everywhere else."""
    if isinstance(error, HTTPException):
        return render_template("console/error.html", name=error.name, told=error.description), error.code or 500
    inbound = current()
    refusal = errors.meaning(error, inbound)
    errors.note(services, inbound, refusal, error)
    name, told = AWAY if refusal.status == 503 else BROKEN
    return render_template("console/error.html", name=name, told=told, id=inbound.id_text), refusal.status


def _session(console: Blueprint, services: Services) -> None:
    @console.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if request.method == "GET":
            return render_template("console/login.html", failed=False)
        name = request.form.get("name", "")
        if not known(services.settings.operators, name, request.form.get("password", "")):
            return render_template("console/login.html", failed=True), 403
        begin(name)
        target = request.args.get("next", "")
        return redirect(target if target.startswith("/console") else url_for("console.requests"))

    @console.post("/logout")
    @required
    def logout() -> Any:
        begin("")
        return redirect(url_for("console.login"))


def _reading(console: Blueprint, services: Services) -> None:
    ledger = services.ledger

    @console.get("", endpoint="requests", strict_slashes=False)
    @required
    def requests() -> Any:
        search = word(request.args, "search")
        documents = searched(ledger, search) if search else listed(ledger, request.args)
        if search and len(documents) == 1:
            return redirect(url_for("console.one", request_id=documents[0]["requestId"]))
        return render_template(
            "console/requests.html",
            documents=documents[:PAGE],
            after=documents[PAGE - 1]["requestId"] if len(documents) > PAGE else None,
            search=search,
            chosen={name: word(request.args, name) for name in (*FILTERS, *SPAN)},
        )

    @console.post("/find", endpoint="find")
    @required
    def find() -> Any:
        """By an id or a hard id, which is a person's: it is posted, so that no address holds it."""
        text = word(request.form, "text")
        if not text or (len(text) >= SHORTEST and searched(ledger, text)):
            return redirect(url_for("console.requests", search=text or None))
        match of_hard_id(services, text):
            case []:
                flash("Nothing has this id or hard id. An id may be shortened to eight characters, a hard id may not.")
                return redirect(url_for("console.requests"))
            case [one]:
                return redirect(url_for("console.requests", search=one))
            case several:
                return render_template("console/found.html", found=several)

    @console.get("/requests/<uuid:request_id>", endpoint="one")
    @required
    def one(request_id: UUID) -> Any:
        document = ledger.document(request_id)
        if document is None:
            raise NotFound(f"There is no request {request_id}.")
        return render_template("console/request.html", document=document)

    @console.get("/integrations", endpoint="integrations")
    @required
    def integrations() -> Any:
        return render_template(
            "console/integrations.html", places=[place for place in ledger.places() if place.kind != "route"]
        )

    @console.get("/letters", endpoint="letters")
    @required
    def letters() -> Any:
        names = ("state", "integration", "reason", "entity", "type", *SPAN)
        chosen = {name: word(request.args, name) for name in names}
        places = [p for p in ledger.places() if chosen["integration"] in f"{p.client}/{p.group}/{p.integration}"]
        selection = Selection(
            states=[state for state in sorted(FAILED) if chosen["state"] in ("", state)],
            destinations=[place.number for place in places] if chosen["integration"] else None,
            reason=chosen["reason"] or None,
            entity=chosen["entity"] or None,
            type=chosen["type"] or None,
            since=moment(request.args, "since"),
            until=moment(request.args, "until"),
        )
        after = word(request.args, "after")
        found = ledger.letters(selection, LETTERS + 1, uuid(after) if after else None)
        return render_template(
            "console/letters.html",
            letters=found[:LETTERS],
            after=found[LETTERS - 1].delivery_id if len(found) > LETTERS else None,
            chosen=chosen,
        )


def _clock(text: str | datetime | None) -> str:
    """`2026-01-02 03:04:05.678`, in UTC."""
    if not text:
        return ""
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def _after(then: str, start: str) -> str:
    """How long after `start`, as people say it."""
    seconds = (datetime.fromisoformat(then) - datetime.fromisoformat(start)).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= 10 * size or (unit == "s" and abs(seconds) >= 1):
            return f"+{seconds / size:.0f} {unit}" if unit != "s" else f"+{seconds:.1f} s"
    return f"+{seconds * 1000:.0f} ms"
