"""Every snippet of deploy/clients.md, run as it stands there against a receiver, with a callback as ours are signed."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from connectors.webhook import keys, signature
from router.ledger.base import Filters
from tests.http.shop import PUBLIC, Receiver
from tests.http.signing import ACCESS_KEY, SECRET
from tests.support.needs import NEEDS, program

PAGE = (Path(__file__).parents[2] / "deploy" / "clients.md").read_text(encoding="utf-8")
SNIPPETS = {
    section.partition("\n")[0]: re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)
    for section in PAGE.split("\n## ")[1:]
}
POST, CLIENT_API, CALLBACK = 0, -2, -1
BODY = '{"type":"request.completed","data":{"namn":"Åsa"}}'.encode()


@dataclass(frozen=True, slots=True)
class Language:
    """name: of a snippet's file. asking: what, after the one about callbacks, tells whether one is verified."""

    name: str
    need: str | None
    asking: str
    run: Sequence[str] = ()

    def command(self) -> list[str]:
        found = program(self.need) if self.need else sys.executable
        return [*(self.run or [found]), self.name]


LANGUAGES = {
    "Python": Language(
        "snippet.py",
        None,
        "import json, pathlib\n"
        "headers = json.loads(pathlib.Path('headers.json').read_text())\n"
        "print('yes' if verified(headers, pathlib.Path('body.json').read_bytes()) else 'no')",
    ),
    "JavaScript": Language(
        "snippet.mjs",
        "node",
        "import { readFileSync } from 'node:fs';\n"
        "const headers = JSON.parse(readFileSync('headers.json'));\n"
        "console.log(verified(headers, readFileSync('body.json')) ? 'yes' : 'no');",
    ),
    "curl": Language("snippet.sh", "curl", "", ("sh", "-eu")),
    "PHP": Language(
        "snippet.php",
        "php",
        "$headers = json_decode(file_get_contents('headers.json'), true);\n"
        "echo verified($headers, file_get_contents('body.json')) ? 'yes' : 'no';",
    ),
}
ALL = [
    pytest.param(title, marks=[getattr(pytest.mark, each.need)] if each.need in NEEDS else [], id=title)
    for title, each in LANGUAGES.items()
]
FUNCTIONS = [each for each in ALL if LANGUAGES[each.id].asking]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where snippets are run: a directory and an environment."""

    place: Path
    env: Mapping[str, str]

    def run(self, title: str, number: int, asking: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        language = LANGUAGES[title]
        (self.place / language.name).write_text(SNIPPETS[title][number] + asking, encoding="utf-8")
        return subprocess.run(
            language.command(),
            cwd=self.place,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def desk(receiver: Receiver, tmp_path: Path) -> Desk:
    given = {"RECEIVER": receiver.url, "ACCESS_KEY_ID": ACCESS_KEY, "SECRET_ACCESS_KEY": SECRET, "CLIENT_KEY": PUBLIC}
    return Desk(tmp_path, {**os.environ, **given})


def test_every_section_is_here() -> None:
    assert SNIPPETS.keys() == LANGUAGES.keys()


@pytest.mark.parametrize("title", ALL)
def test_a_profile_is_kept_and_looked_up(desk: Desk, receiver: Receiver, title: str) -> None:
    ran = desk.run(title, POST)
    assert ran.returncode == 0, ran.stderr
    request_id = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", ran.stdout)
    assert request_id, ran.stdout
    document = receiver.ledger.document(UUID(request_id[0]), "shop")
    assert (document["entity"], document["type"], len(document["records"])) == ("profile", "person", 1)
    assert title == "curl" or ran.stdout.split()[1:] == [str(document["records"][0]["datatalksId"]), "accepted"]


@pytest.mark.parametrize("title", ALL)
def test_a_refusal_is_told(desk: Desk, title: str) -> None:
    ran = desk.run(title, POST, SECRET_ACCESS_KEY="another")
    assert ran.returncode != 0
    assert "403" in ran.stdout + ran.stderr


@pytest.mark.curl
def test_lines_are_kept(desk: Desk) -> None:
    ran = desk.run("curl", 1)
    assert len(json.loads(ran.stdout)["datatalksIds"]) == 2, ran.stderr


@pytest.mark.parametrize("title", ALL)
def test_an_event_of_the_client_api_is_kept(desk: Desk, receiver: Receiver, title: str) -> None:
    before = len(receiver.ledger.documents("shop", Filters(entity="event"), 100, None))
    ran = desk.run(title, CLIENT_API)
    assert ran.returncode == 0, ran.stderr
    assert len(receiver.ledger.documents("shop", Filters(entity="event"), 100, None)) == before + 1
    assert desk.run(title, CLIENT_API, CLIENT_KEY="pk_unknown").returncode != 0


# ---- callbacks -------------------------------------------------------------------------------------------------------

OLD, NEW = (f"whsec_{b64encode(secrets.token_bytes(24)).decode()}" for _ in range(2))


def callback(at: int) -> dict[str, str]:
    """The headers of one that is signed with two secrets, as while a receiver changes its own."""
    signed = signature(keys(f"{OLD} {NEW}"), "msg-1", at, BODY)
    return {"webhook-id": "msg-1", "webhook-timestamp": str(at), "webhook-signature": signed}


@pytest.mark.parametrize(
    ("age", "body", "secret", "told"),
    [(0, BODY, NEW, "yes"), (0, BODY + b" ", NEW, "no"), (301, BODY, NEW, "no"), (0, BODY, "whsec_AAAA", "no")],
    ids=["ours", "another body", "an old one", "another secret"],
)
@pytest.mark.parametrize("title", FUNCTIONS)
def test_a_callback_is_verified(desk: Desk, title: str, age: int, body: bytes, secret: str, told: str) -> None:
    (desk.place / "headers.json").write_text(json.dumps(callback(int(time.time()) - age)))
    (desk.place / "body.json").write_bytes(body)
    ran = desk.run(title, CALLBACK, LANGUAGES[title].asking, WEBHOOK_SECRET=secret)
    assert ran.stdout.split() == [told], ran.stderr


@pytest.mark.curl
def test_a_callback_is_verified_in_a_shell(desk: Desk) -> None:
    headers = callback(1_700_000_000)
    (desk.place / "body.json").write_bytes(BODY)
    given = {"WEBHOOK_ID": headers["webhook-id"], "WEBHOOK_TIMESTAMP": headers["webhook-timestamp"]}
    ran = desk.run("curl", CALLBACK, WEBHOOK_SECRET=OLD, **given)
    assert ran.stdout.strip() == headers["webhook-signature"].split()[0], ran.stderr
