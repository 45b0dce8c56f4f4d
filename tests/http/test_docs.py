"""The API described: a valid document with true examples, a client its own, and a page that signs what it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openapi_spec_validator import validate
from playwright.sync_api import Browser, Page, sync_playwright

from router.http import sigv4
from tests.http.demo import CLIENT, receiving
from tests.http.shop import OTHER_KEY, OTHER_SECRET, PUBLIC, SECRET_KEY, Caller, Receiver
from tests.http.signing import ACCESS_KEY, SECRET
from tests.http.told import refused
from tests.support.needs import program

OWN = f"/openapi.json?client={CLIENT}"
SENDING = ("/v1/contacts", "/v2/profiles", "/api/client/track")
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


@pytest.fixture(scope="module")
def demo(receiver: Receiver) -> Caller:
    return Caller(receiver)


# ---- the document ----------------------------------------------------------------------------------------------------


def test_it_is_valid(receiver: Receiver, demo: Caller) -> None:
    for response in (requests.get(f"{receiver.url}/openapi.json"), demo.get(OWN)):
        assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
        assert response.json()["openapi"] == "3.1.0"
        validate(response.json())


def test_a_clients_own_has_its_contracts_and_the_one_for_all_has_nobodys(receiver: Receiver, demo: Caller) -> None:
    assert "birth_date" in demo.get(OWN).text
    assert "birth_date" not in requests.get(f"{receiver.url}/openapi.json").text


@pytest.mark.parametrize("path", [OWN, f"/docs?client={CLIENT}"])
def test_a_clients_own_is_for_it_alone(receiver: Receiver, path: str) -> None:
    refused(requests.get(receiver.url + path), 403, sigv4.MISSING_TOKEN, key=None)
    other = Caller(receiver, OTHER_KEY, OTHER_SECRET)
    refused(other.get(path), 404, f"There is no client '{CLIENT}'.", key=OTHER_KEY)


def test_records_may_go_to_staging_and_apps_may_not(demo: Caller) -> None:
    paths = demo.get(OWN).json()["paths"]
    servers = {
        path: [each["url"] for each in item["post"].get("servers", ())]
        for path, item in paths.items()
        if "post" in item
    }
    assert servers["/v2/profiles"] == servers["/v1/contacts"] == ["/", "/staging"]
    assert servers["/api/client/identify"] == []


def answered(caller: Caller, method: str, path: str, operation: Any, media: str, name: str, value: Any) -> int:
    """The status that an example is answered with, sent as it stands there."""
    if media.endswith("ndjson"):
        asked = [each for each in operation["parameters"] if each["in"] == "query"]
        said = [f"{each['name']}={name if each['name'] == 'type' else each['example']}" for each in asked]
        path, body = f"{path}?{'&'.join(said)}", "\n".join(map(json.dumps, value)).encode()
    else:
        body = json.dumps(value).encode()
    if not path.startswith("/api/"):
        return caller.call(method.upper(), path, body, {"Content-Type": media}).status_code
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": media}
    return requests.request(method, caller.receiver.url + path, data=body, headers=headers).status_code


def test_its_examples_are_true(demo: Caller) -> None:
    statuses = {
        (method, path, media, name): answered(demo, method, path, item[method], media, name, example["value"])
        for path, item in demo.get(OWN).json()["paths"].items()
        for method in METHODS
        if method in item
        for media, content in item[method].get("requestBody", {}).get("content", {}).items()
        for name, example in content.get("examples", {}).items()
    }
    assert len(statuses) > 30
    assert {call: status for call, status in statuses.items() if status not in (200, 204)} == {}


# ---- the page --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("browser"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(receiver: Receiver, browser: Browser) -> Iterator[Page]:
    """The page in a browser, with the demo client's credentials typed in. A fault of its script fails the test."""
    faults: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda failed: faults.append(failed.url))
    page.goto(f"{receiver.url}/docs")
    for name, text in {"key": ACCESS_KEY, "secret": SECRET, "bearer": SECRET_KEY, "client": CLIENT}.items():
        page.fill(f"#credentials [name={name}]", text)
    yield page
    page.close()
    assert faults == []


def sent(page: Page, form: str, example: str = "") -> str:
    """Press a form's button; what its answer is headed by."""
    if example:
        page.select_option(f"{form} [name=example]", label=example)
    page.evaluate("form => document.querySelector(`${form} .result`).replaceChildren()", form)
    page.click(f"{form} button.main")
    heading = page.wait_for_selector(f"{form} .result figcaption")
    assert heading
    return heading.inner_text()


@pytest.mark.browser
def test_all_that_it_offers_can_be_tried_out(page: Page) -> None:
    page.click("#credentials button")
    page.wait_for_selector(f"h1:has-text('{CLIENT}')")
    told = {}
    for form in page.query_selector_all("form.try"):
        method, path = form.get_attribute("data-method"), form.get_attribute("data-path")
        where = f'form.try[data-method="{method}"][data-path="{path}"]'
        *_, example = ["", *(each.inner_text() for each in form.query_selector_all("[name=example] option"))]
        told[method, path, example] = sent(page, where, example)
    assert len(told) > 25
    assert {call: heading for call, heading in told.items() if not heading.startswith("20")} == {}


@pytest.mark.browser
def test_it_tells_a_refusal_and_the_same_call_with_curl(page: Page) -> None:
    form = 'form.try[data-path="/v2/profiles"]'
    page.fill("#credentials [name=secret]", "another")
    assert sent(page, form).startswith("403 ")
    assert sigv4.MISMATCH in page.inner_text(f"{form} .result")
    assert "/staging/v2/profiles" in page.inner_text(f"{form} .result figure:last-child")
    page.fill("#credentials [name=bearer]", PUBLIC)
    assert sent(page, 'form.try[data-method="PATCH"]').startswith("403 ")
