"""The console's pages: requests and their stories, integrations, dead letters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, NotFound

from router.http.console import mappings
from router.http.console.session import begin, cookie_key, form_token, known, operator, required
from router.http.services import Services
from router.ledger.base import Filters, Ledger, Selection

PAGE = 50
LETTERS = 200
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
FILTERS = ("status", "group", "entity", "type", "integration")


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
    _reading(console, services.ledger)
    _acting(console, services.ledger)
    mappings.register(console, services)
    console.after_request(_sealed)
    console.register_error_handler(HTTPException, _told)
    console.context_processor(lambda: {"operator": operator(), "form_token": form_token()})
    console.add_app_template_filter(_clock, "clock")
    console.add_app_template_filter(_after, "after")
    app.register_blueprint(console)


def _sealed(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _told(error: HTTPException) -> tuple[str, int]:
    return render_template("console/error.html", error=error), error.code or 500


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


def _reading(console: Blueprint, ledger: Ledger) -> None:
    @console.get("", endpoint="requests")
    @required
    def requests() -> Any:
        search = request.args.get("search", "").strip()
        found = _searched(ledger, search) if search else []
        if len(found) == 1:
            return redirect(url_for("console.one", request_id=found[0]))
        documents = [doc for each in found if (doc := ledger.document(each))] if search else _listed(ledger)
        return render_template(
            "console/requests.html",
            documents=documents[:PAGE],
            after=documents[PAGE - 1]["requestId"] if len(documents) > PAGE else None,
            chosen={name: request.args.get(name, "") for name in (*FILTERS, "search")},
        )

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
        chosen = {name: request.args.get(name, "").strip() for name in ("reason", "entity", "type", "integration")}
        places = [p for p in ledger.places() if chosen["integration"] in f"{p.client}/{p.group}/{p.integration}"]
        selection = Selection(
            destinations=[place.number for place in places] if chosen["integration"] else None,
            reason=chosen["reason"] or None,
            entity=chosen["entity"] or None,
            type=chosen["type"] or None,
        )
        return render_template("console/letters.html", letters=ledger.letters(selection, LETTERS), chosen=chosen)


def _acting(console: Blueprint, ledger: Ledger) -> None:
    def act(path: str, action: Callable[[list[UUID]], int]) -> None:
        @required
        def acted() -> Any:
            action([UUID(each) for each in request.form.getlist("delivery")])
            return redirect(_back())

        console.add_url_rule(f"/{path}", path, acted, methods=["POST"])

    act("replay", lambda ids: ledger.replay(ids, _by()))
    act("resolve", lambda ids: ledger.resolve(ids, _by()))
    act("cancel", lambda ids: ledger.cancel(ids, _by()))

    @console.post("/pause", endpoint="pause")
    @required
    def pause() -> Any:
        ledger.pause([int(request.form["destination"])], _by())
        return redirect(url_for("console.integrations"))

    @console.post("/resume", endpoint="resume")
    @required
    def resume() -> Any:
        ledger.resume([int(request.form["destination"])])
        return redirect(url_for("console.integrations"))


def _by() -> str:
    return f"{operator()} (console)"


def _back() -> str:
    target = request.form.get("back", "")
    return target if target.startswith("/console") else url_for("console.requests")


def _searched(ledger: Ledger, search: str) -> list[UUID]:
    """By (the beginning of) a request's id, or by a whole datatalksId."""
    found = ledger.find(search)
    if found:
        return found
    try:
        entity = UUID(search)
    except ValueError:
        return []
    return [UUID(doc["requestId"]) for doc in ledger.documents(None, Filters(datatalks_id=entity), PAGE, None)]


def _listed(ledger: Ledger) -> list[dict[str, Any]]:
    chosen: dict[str, Any] = {name: request.args.get(name, "").strip() or None for name in FILTERS}
    before = request.args.get("after")
    return ledger.documents(None, Filters(**chosen), PAGE + 1, UUID(before) if before else None)


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
