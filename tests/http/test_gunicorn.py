"""The receiver as it is really served, called by the clients that people really have."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from requests_aws4auth import AWS4Auth

from router.ledger.postgres import PostgresLedger
from tests.http.shop import FERNET_KEY, PUBLIC, SECRET_KEY, Caller, Receiver, stock
from tests.http.signing import ACCESS_KEY, JSON, SECRET
from tests.http.told import kept, refused
from tests.support.conditions import eventually
from tests.support.processes import children

ROOT = Path(__file__).parents[2]
FORM = "application/x-www-form-urlencoded"
GOOD = {"type": "person", "data": {"customer_id": "c-1", "email": "ada@example.com"}}
AWAY = "postgresql://nobody@127.0.0.1:1/nowhere"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str, status: int) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == status
    except requests.ConnectionError:
        return False


@contextmanager
def gunicorn(
    database_url: str, log: Path, *options: str, serving: bool = True, app: str = "router.http.wsgi:app"
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A receiver with two workers, waited for until it is `serving`: its URL and its process."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = {
        **os.environ,
        "ROUTER_DATABASE_URL": database_url,
        "ROUTER_BROKER_URL": "memory://",
        "ROUTER_SECRET_KEYS": FERNET_KEY,
        "ROUTER_PORT": str(port),
        "HOME": str(log.parent),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", *options, app]
    with log.open("wb") as stderr, subprocess.Popen(command, cwd=ROOT, env=env, stderr=stderr) as process:
        try:
            if serving:
                eventually(lambda: answers(f"{url}/healthz", 200))
            yield url, process
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("gunicorn") / "log"


@pytest.fixture(scope="module")
def served(module_database_url, log) -> Iterator[Caller]:
    ledger = PostgresLedger(module_database_url, size=2)
    stock(ledger)
    with gunicorn(module_database_url, log) as (url, _):
        yield Caller(Receiver(url, ledger))
    ledger.close()


def connected(caller: Caller) -> closing[http.client.HTTPConnection]:
    """A connection of our own, which changes nothing of what it is given."""
    return closing(http.client.HTTPConnection(urlsplit(caller.receiver.url).netloc, timeout=10))


def test_botocore(served):
    kept(served.post("/v2/profiles", GOOD))


def test_requests_aws4auth(served):
    auth = AWS4Auth(ACCESS_KEY, SECRET, "eu-west-1", "execute-api")
    kept(requests.post(f"{served.receiver.url}/v2/profiles", json=GOOD, auth=auth))


def curl(served, *arguments: str, secret: str = SECRET) -> tuple[int, dict]:
    """The status and the JSON that curl is answered."""
    command = ["curl", "-s", "-w", "\n%{http_code}", "--aws-sigv4", "aws:amz:eu-west-1:execute-api"]
    done = subprocess.run(
        [*command, "--user", f"{ACCESS_KEY}:{secret}", *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


@pytest.mark.curl
def test_curl(served):
    url = served.receiver.url
    send = ("-H", "Content-Type: application/json", "-d", json.dumps(GOOD))
    status, told = curl(served, *send, f"{url}/v2/profiles")
    assert (status, told["success"]) == (200, True)
    assert curl(served, f"{url}/v2/requests/{told['requestId']}")[0] == 200
    assert curl(served, f"{url}/v2/requests?type=person&status=accepted&limit=1")[0] == 200
    assert curl(served, *send, "-H", "Idempotency-Key: 1", f"{url}/v2/profiles")[0] == 200
    assert curl(served, *send, f"{url}/v2/profiles", secret="wrong")[0] == 403
    lines = ("-H", "Content-Type: application/x-ndjson", "--data-binary", '{"customer_id":"a"}\n{"customer_id":"b"}')
    assert curl(served, *lines, f"{url}/v2/profiles?type=person&groupKey=main_group")[0] == 200


def test_the_raw_target_is_what_was_signed(served):
    refused(served.get("/v2/requests%20x?q=%C3%A5"), 404, "There is nothing at /v2/requests x.", key=None)
    assert served.get("/v2/requests?type=a%2Fb%20c&integration=%C3%A5+b").status_code == 200


@pytest.mark.parametrize("path", ["/v2//profiles", "/v2/./profiles", "/v2/profiles/../profiles"])
def test_paths_are_not_tidied_up(served, path):
    with connected(served) as connection:
        connection.request("POST", path, b"{}", JSON)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["messages"]) == (404, [f"There is nothing at {path}."])


def test_a_chunked_body(served):
    headers = {"Authorization": "Bearer x", **JSON}
    for size, status in ((500_000, 403), (600_000, 413)):
        with connected(served) as connection:
            connection.request("POST", "/v2/profiles", iter([b" " * size] * 2), headers, encode_chunked=True)
            assert connection.getresponse().status == status


LONG = b"a" * 9000
UNREADABLE = {
    "no HTTP": (b"hello ada@example.com\r\n\r\n", 400, "The request is not HTTP/1.1."),
    "a target of 9,000 bytes": (
        b"GET /v2/requests?q=ada@example.com" + LONG + b" HTTP/1.1\r\n\r\n",
        414,
        "The request line is too long: with its query it may have 8190 bytes.",
    ),
    "a header of 9,000 bytes": (
        b"GET /v2/requests HTTP/1.1\r\nX-Mail: ada@example.com" + LONG + b"\r\n\r\n",
        431,
        "The headers may be 100, of 8190 bytes each.",
    ),
    "a header that is none": (
        b"POST /v2/profiles HTTP/1.1\r\nada@example.com\r\n\r\n",
        400,
        "A header is malformed.",
    ),
    "a header's name that is none": (
        b"POST /v2/profiles HTTP/1.1\r\nada@example.com: x\r\n\r\n",
        400,
        "A header's name is malformed.",
    ),
    "a header in two lines": (
        b"POST /v2/profiles HTTP/1.1\r\nX-Mail: x\r\n ada@example.com\r\n\r\n",
        400,
        "A header goes on in a second line; write it in one.",
    ),
    "headers that contradict each other": (
        b"POST /v2/profiles HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n",
        400,
        "Headers contradict each other about http and https.",
    ),
    "an unknown expectation": (
        b"POST /v2/profiles HTTP/1.1\r\nExpect: ada@example.com\r\nContent-Length: 0\r\n\r\n",
        417,
        "Of Expect, only 100-continue is known.",
    ),
    "an unknown coding": (
        b"POST /v2/profiles HTTP/1.1\r\nTransfer-Encoding: ada@example.com\r\n\r\n",
        501,
        "Of Transfer-Encoding, only chunked is known.",
    ),
}


@pytest.mark.parametrize(("sent", "status", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_answered_as_everything_is(served, log, sent, status, message):
    url = urlsplit(served.receiver.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(sent)
        response = http.client.HTTPResponse(connection)
        response.begin()
        told = json.loads(response.read())
    request_id = response.headers["X-Request-Id"]
    assert (response.status, told["messages"], told["requestId"]) == (status, [message], request_id)
    line = eventually(lambda: next((each for each in log.read_text().splitlines() if request_id in each), None))
    assert json.loads(line)["status"] == status
    assert "ada@example.com" not in log.read_text()


BEARER = {**JSON, "Authorization": f"Bearer {PUBLIC}"}
HALF = b'8\r\n{"extern\r\n'


@pytest.mark.parametrize("path", ["/v2/profiles", "/api/client/identify"])
@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n", HALF + b"-1\r\n", HALF + b"5\r\nal_idXX", b"1\r\n \r\n" * 500_000],
    ids=["no size", "a negative size", "no end", "far too many"],
)
def test_chunks_that_are_none(served, path, chunks):
    with connected(served) as connection:
        connection.putrequest("POST", path)
        for name, value in {**BEARER, "Transfer-Encoding": "chunked"}.items():
            connection.putheader(name, value)
        connection.endheaders(chunks)
        assert connection.getresponse().status == 400


def test_a_body_that_is_cut_short(served):
    with connected(served) as connection:
        connection.putrequest("POST", "/api/client/identify")
        for name, value in {**BEARER, "Content-Type": FORM, "Content-Length": "99"}.items():
            connection.putheader(name, value)
        connection.endheaders(b"external_id=c-1")
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.getresponse().status == 400


def test_as_many_ids_as_a_request_line_holds(served):
    query = "&".join(f"user_id=user-{number}" for number in range(400))
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    assert requests.delete(f"{served.receiver.url}/api/client/users?{query}", headers=headers).status_code == 204


def test_one_connection_takes_many_calls(served):
    with connected(served) as connection:
        for status in (204, 400, 404, 204):
            path = "nothing" if status == 404 else "identify"
            body = b"{" if status == 400 else b'{"external_id":"x"}'
            connection.request("POST", f"/api/client/{path}", body, BEARER)
            response = connection.getresponse()
            response.read()
            assert response.status == status


def test_204_has_neither_type_nor_length(served):
    with connected(served) as connection:
        connection.request("POST", "/api/client/identify", b'{"external_id":"x"}', BEARER)
        names = {name.lower() for name, _ in connection.getresponse().getheaders()}
    assert not names & {"content-type", "content-length", "transfer-encoding"}


def test_one_hard_id_two_hundred_times_at_once_in_two_receivers_is_one_entity(served, module_database_url, tmp_path):
    body = {"type": "person", "data": {"customer_id": str(uuid4())}}
    with gunicorn(module_database_url, tmp_path / "log") as (url, _), ThreadPoolExecutor(200) as threads:
        receivers = [served, Caller(Receiver(url, served.receiver.ledger))]
        at_once = Barrier(200)

        def post(number: int) -> dict:
            at_once.wait()
            return kept(receivers[number % 2].post("/v2/profiles", body))

        answers = list(threads.map(post, range(200)))
    assert len({answer["datatalksId"] for answer in answers}) == 1
    assert len({answer["requestId"] for answer in answers}) == 200


def test_its_log_is_json_with_the_request_id(served, log):
    request_id = requests.post(f"{served.receiver.url}/v2/profiles").headers["X-Request-Id"]
    line = eventually(lambda: next((each for each in log.read_text().splitlines() if request_id in each), None))
    assert json.loads(line)["reason"] == "no Authorization header"


def test_it_opens_no_control_socket(log):
    assert not list(log.parent.rglob("*.ctl"))


def test_without_a_ledger_nothing_is_acknowledged(tmp_path):
    with gunicorn(AWAY, tmp_path / "log") as (url, _):
        caller = Caller(Receiver(url, None))
        response = caller.post("/v2/profiles", GOOD)
        assert (response.status_code, response.headers["Retry-After"], response.json()["success"]) == (503, "5", False)
        assert requests.get(f"{url}/readyz").status_code == 503
        told = requests.post(f"{url}/api/client/identify", json={}, headers={"Authorization": "Bearer pk_x"})
        assert (told.status_code, told.headers["Retry-After"], told.json()["status"]) == (503, "5", "error")


def test_sigterm_ends_it_in_order(module_database_url, tmp_path):
    with gunicorn(module_database_url, tmp_path / "log") as (_, process):
        workers = eventually(lambda: found if len(found := children(process.pid)) == 2 else None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_sigterm_ends_workers_that_have_not_yet_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database_url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nowhere"
        with gunicorn(database_url, tmp_path / "log", serving=False) as (_, process):
            eventually(lambda: len(children(process.pid)) == 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0


def test_workers_without_their_arbiter_say_goodbye_to_who_goes_on_calling(module_database_url, tmp_path):
    with gunicorn(module_database_url, tmp_path / "log") as (url, process), requests.Session() as caller:
        workers = eventually(lambda: found if len(found := children(process.pid)) == 2 else None)
        caller.get(f"{url}/healthz")
        process.kill()
        eventually(lambda: caller.get(f"{url}/healthz").headers["Connection"] == "close", within=10.0)
        eventually(lambda: not [pid for pid in workers if Path(f"/proc/{pid}").exists()], within=10.0)
