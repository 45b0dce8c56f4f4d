"""API v3 of the SALESmanago stand-in: product catalogs (contracts.md §1.6).

A call is refused whole, with a problem for each fault; code 12 alone is a warning beside a success.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from connectors.sandbox.base import Call, Reply

(AUTHENTICATION, TOO_LONG, TRIMMED, MISSING, WRONG_TYPE, NOT_UNIQUE, NO_SUCH, IS_NULL, NO_MATCH, LIMIT) = range(10, 20)

MOST_PRODUCTS = 100
MOST_CATALOGS = 10
MOST_DESCRIPTION = 16384
LENGTHS = {"productId": 255, "name": 255, "mainCategory": 255, "productUrl": 2048, "mainImageUrl": 2048}
LISTS = {"categories": 5, "imageUrls": 5}
NUMBERS = ("quantity", "price", "discountPrice")
FLAGS = ("available", "active")

Body = Mapping[str, Any]
Problem = tuple[int, str]


class ProblemsError(Exception):
    """A refusal. Its arguments are the problems: (reasonCode, message)."""


class Catalogs:
    """The catalogs behind one API key, by their ids: what each is, and its products by theirs."""

    def __init__(self, key: str, catalog_id: str) -> None:
        self._key = key
        self.catalogs: dict[str, dict[str, Any]] = {
            catalog_id: {"name": "Demo", "setAsDefault": True, "currency": "SEK", "location": "shop"}
        }
        self.products: dict[str, dict[str, dict[str, Any]]] = {
            catalog_id: {"demo-product": {"productId": "demo-product", "name": "A table"}}
        }

    def handle(self, call: Call, mode: str) -> Reply:
        method = METHODS.get((call.method, call.path))
        if method is None:
            return Reply(404, {"message": "no such resource"})
        if mode == "refuse_credentials" or call.headers.get("api-key") != self._key:
            return Reply(400, {"reasonCode": AUTHENTICATION, "messages": ["API key is not valid"]})
        try:
            body = call.json() if call.method == "POST" else {}
        except ValueError:
            return Reply(400, "The specified json is not valid")
        request = {"requestId": str(uuid4())}
        try:
            if not isinstance(body, dict):
                raise ProblemsError((WRONG_TYPE, "body:object|must be an object"))
            if mode == "reject":
                raise ProblemsError((NO_SUCH, "Rejected, as the sandbox was told to"))
            answer = method(self, body)
        except ProblemsError as refusal:
            return Reply(400, request | {"problems": _listed(refusal.args)})
        return Reply(200, request | answer, accepted=call.method == "POST")

    def list(self, _: Body) -> dict[str, Any]:
        shown = [{"catalogId": catalog_id, **catalog} for catalog_id, catalog in self.catalogs.items()]
        return {"catalogs": shown, "limits": {"max": MOST_CATALOGS}}

    def upsert_catalog(self, body: Body) -> dict[str, Any]:
        _raise(_of_catalog(body))
        catalog_id = body.get("catalogId")
        if catalog_id is not None and str(catalog_id) not in self.catalogs:
            raise ProblemsError((NO_SUCH, "catalogId does not exist"))
        if any(each["name"] == body["name"] for key, each in self.catalogs.items() if key != catalog_id):
            raise ProblemsError((NOT_UNIQUE, "name|must be unique"))
        if catalog_id is None:
            if len(self.catalogs) >= MOST_CATALOGS:
                raise ProblemsError((LIMIT, "the account has as many catalogs as it may"))
            catalog_id = str(uuid4())
            self.products[catalog_id] = {}
        self.catalogs[catalog_id] = {name: body[name] for name in ("name", "setAsDefault", "currency", "location")}
        return {"catalogId": catalog_id}

    def delete_catalog(self, body: Body) -> dict[str, Any]:
        self._products_of(body)
        del self.catalogs[body["catalogId"]], self.products[body["catalogId"]]
        return {"catalogId": body["catalogId"]}

    def upsert(self, body: Body) -> dict[str, Any]:
        known = self._products_of(body)
        sent = _sent(body, ("productId", "name"))
        trimmed = []
        for product in sent:
            if len(product.get("description") or "") > MOST_DESCRIPTION:
                product["description"] = product["description"][:MOST_DESCRIPTION]
                trimmed.append((TRIMMED, f"description|max:{MOST_DESCRIPTION}|Trimmed"))
            known.setdefault(product["productId"], {}).update(product)
        answer = {"productIds": [product["productId"] for product in sent]}
        return answer | ({"problems": _listed(trimmed)} if trimmed else {})

    def update_quantity(self, body: Body) -> dict[str, Any]:
        return self._change(body, ("productId", "quantity"))

    def update_price(self, body: Body) -> dict[str, Any]:
        return self._change(body, ("productId", "price"))

    def _change(self, body: Body, required: tuple[str, ...]) -> dict[str, Any]:
        known = self._products_of(body)
        sent = _sent(body, required)
        _raise((NO_SUCH, "productId does not exist") for product in sent if product["productId"] not in known)
        for product in sent:
            known[product["productId"]].update(product)
        return {"productIds": [product["productId"] for product in sent]}

    def _products_of(self, body: Body) -> dict[str, dict[str, Any]]:
        if "catalogId" not in body:
            raise ProblemsError((MISSING, "catalogId|Required field missing"))
        if str(body["catalogId"]) not in self.products:
            raise ProblemsError((NO_SUCH, "catalogId does not exist"))
        return self.products[str(body["catalogId"])]


METHODS: Mapping[tuple[str, str], Callable[[Catalogs, Body], dict[str, Any]]] = {
    ("GET", "/v3/product/catalogList"): Catalogs.list,
    ("POST", "/v3/product/catalogUpsert"): Catalogs.upsert_catalog,
    ("POST", "/v3/product/catalogDelete"): Catalogs.delete_catalog,
    ("POST", "/v3/product/upsert"): Catalogs.upsert,
    ("POST", "/v3/product/updateQuantity"): Catalogs.update_quantity,
    ("POST", "/v3/product/updatePrice"): Catalogs.update_price,
}


def _sent(body: Body, required: tuple[str, ...]) -> list[dict[str, Any]]:
    """The products of a call. Raises ProblemsError for all that is wrong with any of them."""
    products = body.get("products")
    if not isinstance(products, list) or not products:
        raise ProblemsError((MISSING, "products|Required field missing"))
    if len(products) > MOST_PRODUCTS:
        raise ProblemsError((LIMIT, f"products|max:{MOST_PRODUCTS}|too many products"))
    _raise(problem for each in products for problem in _of_product(each, required))
    return products


def _of_product(product: Any, required: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(product, dict):
        yield WRONG_TYPE, "products:object|must be an object"
        return
    yield from _of_required(product, required)
    for name, most in LENGTHS.items():
        value = product.get(name)
        if value is not None and not isinstance(value, str):
            yield WRONG_TYPE, f"{name}:string|must be a text"
        elif value and len(value) > most:
            yield TOO_LONG, f"{name}|min:0|max:{most}|too long"
    for name, most in LISTS.items():
        value = product.get(name)
        if value is not None and not isinstance(value, list):
            yield WRONG_TYPE, f"{name}:array|must be a list"
        elif value and len(value) > most:
            yield TOO_LONG, f"{name}|min:0|max:{most}|too many"
    for name in NUMBERS:
        if product.get(name) is not None and not _is_number(product[name]):
            yield WRONG_TYPE, f"{name}:number|must be a number"
    for name in FLAGS:
        if product.get(name) is not None and not isinstance(product[name], bool):
            yield WRONG_TYPE, f"{name}:boolean|must be true or false"
    if not isinstance(product.get("description", ""), str):
        yield WRONG_TYPE, "description:string|must be a text"


def _of_catalog(body: Body) -> Iterator[Problem]:
    yield from _of_required(body, ("name", "setAsDefault", "currency", "location"))
    if not re.fullmatch("[A-Z]{3}", str(body.get("currency", "SEK"))):
        yield NO_MATCH, "currency|must be ISO 4217"


def _of_required(body: Body, names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        if name not in body or body[name] == "":
            yield MISSING, f"{name}|Required field missing"
        elif body[name] is None:
            yield IS_NULL, f"{name}|must not be null"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _raise(problems: Iterator[Problem]) -> None:
    if found := list(problems):
        raise ProblemsError(*found)


def _listed(problems: Any) -> list[dict[str, Any]]:
    return [{"reasonCode": code, "message": message} for code, message in problems]
