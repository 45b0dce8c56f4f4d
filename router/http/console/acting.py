"""What an operator does at the console: send again, resolve, cancel, pause, resume. Each tells what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.exceptions import BadRequest

from router.http.console.finding import uuid
from router.http.console.session import operator, required
from router.http.services import Services
from router.replay import remapped


def register(console: Blueprint, services: Services) -> None:
    """Add the actions to the console."""
    ledger = services.ledger

    def act(path: str, action: Callable[[list[UUID]], int], done: str) -> None:
        @required
        def acted() -> Any:
            chosen = request.form.getlist("shown" if request.form.get("which") == "shown" else "delivery")
            count = action([uuid(each) for each in chosen])
            flash(f"{_counted(count)} {done}." if chosen else "Nothing was chosen.")
            return redirect(_back())

        console.add_url_rule(f"/{path}", path, acted, methods=["POST"])

    def remap(ids: list[UUID]) -> int:
        changed = remapped(ledger.replayable(ids), services.config.renewed())
        return ledger.replay(list(changed), by(), changed)

    act("replay", lambda ids: ledger.replay(ids, by()), "will be sent again, as it was")
    act("remap", remap, "will be sent again, with the mapping in force")
    act("resolve", lambda ids: ledger.resolve(ids, by()), "marked as delivered")
    act("cancel", lambda ids: ledger.cancel(ids, by()), "cancelled")

    @console.post("/pause", endpoint="pause")
    @required
    def pause() -> Any:
        ledger.pause([_destination()], by())
        flash("It is paused; what is accepted for it waits.")
        return redirect(url_for("console.integrations"))

    @console.post("/resume", endpoint="resume")
    @required
    def resume() -> Any:
        ledger.resume([_destination()])
        flash("It goes on, with what waited first.")
        return redirect(url_for("console.integrations"))


def by() -> str:
    """Who did it, as it is kept in the history."""
    return f"{operator()} (console)"


def _counted(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count} deliveries"


def _destination() -> int:
    written = request.form.get("destination", "")
    if not (written.isascii() and written.isdigit() and len(written) < 8):
        raise BadRequest("destination: this is not a number.")
    return int(written)


def _back() -> str:
    target = request.form.get("back", "")
    return target if target.startswith("/console") else url_for("console.requests")
