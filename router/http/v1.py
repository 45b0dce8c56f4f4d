"""v1: contacts, events and products, without types (seed 000)."""

from __future__ import annotations

from router.http.signed import Route
from router.http.wrapper import Form
from router.model import Entity

ONE, ARRAY = Form(typed=False), Form(typed=False, array=True)

ROUTES = (
    Route("v1", "/v1/contacts", Entity.CONTACT, ONE, ("POST", "DELETE")),
    Route("v1", "/v1/events", Entity.EVENT, ONE),
    Route("v1", "/v1/products", Entity.PRODUCT, ARRAY),
)
