"""The wire, against servers that do what they should not."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.address import resolve
from connectors.errors import NoAnswer, NotSent
from connectors.http import HttpWire, retry_after, within
from tests.connectors.line import Line, Peer, Script


@pytest.fixture
def wire() -> Iterator[HttpWire]:
    made = HttpWire(connect_timeout=2, timeout=5, allow_private=True)
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[HttpWire]:
    made = HttpWire(connect_timeout=0.3, timeout=0.3, allow_private=True, max_response=1000)
    yield made
    made.close()


def echo(peer: Peer) -> None:
    while True:
        line, headers, body = peer.request()
        seen = "\n".join([line, *(f"{name}: {value}" for name, value in headers.items()), "", body.decode()]).encode()
        peer.answer(b"HTTP/1.1 200 OK\r\nX-Seen: yes\r\nContent-Length: %d\r\n\r\n" % len(seen) + seen)


def once(data: bytes) -> Script:
    """Answers one request with these bytes and closes."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(data)

    return script


# ---- what is sent ----------------------------------------------------------------------------------------------------


def test_json_is_sent_compactly_as_utf8(wire: HttpWire) -> None:
    with Line(echo) as line:
        answer = wire.call("POST", line.url, json={"name": "Åsa", "n": [1, None]})
    head, _, body = answer.body.decode().partition("\n\n")
    assert body == '{"name":"Åsa","n":[1,null]}'
    assert "content-type: application/json" in head
    assert f"content-length: {len(body.encode())}" in head
    assert "transfer-encoding" not in head
    assert answer.status == 200
    assert answer.headers["x-seen"] == "yes"


def test_the_connectors_headers_come_before_the_defaults(wire: HttpWire) -> None:
    with Line(echo) as line:
        head = wire.call("POST", line.url, json={}, headers={"content-type": "application/x", "Accept": "a/b"}).body
    assert head.count(b"content-type") == 1
    assert b"content-type: application/x" in head
    assert b"accept: a/b" in head


def test_it_says_who_it_is(wire: HttpWire) -> None:
    with Line(echo) as line:
        assert b"\nuser-agent: integration-router/" in wire.call("GET", line.url).body


@pytest.mark.parametrize(("method", "length"), [("POST", True), ("GET", False), ("DELETE", False)])
def test_no_body_is_no_body(wire: HttpWire, method: str, length: bool) -> None:
    with Line(echo) as line:
        seen = wire.call(method, line.url).body
    assert seen.startswith(f"{method} /path HTTP/1.1".encode())
    assert (b"content-length: 0" in seen) is length


def test_the_signature_covers_the_bytes_and_the_url_that_are_sent(wire: HttpWire) -> None:
    given: list[tuple[str, str, bytes]] = []

    def sign(method: str, url: str, headers: object, body: bytes) -> dict[str, str]:
        given.append((method, url, body))
        return {"X-Signature": "42"}

    with Line(echo) as line:
        seen = wire.call("POST", f"{line.url}/å b?q=ö#frag", json={"a": 1}, sign=sign).body
    assert given == [("POST", f"{line.url}/%C3%A5%20b?q=%C3%B6", b'{"a":1}')]
    assert seen.startswith(b"POST /path/%C3%A5%20b?q=%C3%B6 HTTP/1.1\n")
    assert b"x-signature: 42" in seen


def test_cookies_are_not_kept(wire: HttpWire) -> None:
    with Line(setting) as line:
        wire.call("GET", line.url)
        assert b"cookie" not in wire.call("GET", line.url).body.lower()
        assert line.connections == 1


def setting(peer: Peer) -> None:
    while True:
        seen = str(peer.request()[1]).encode()
        peer.answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: %d\r\n\r\n" % len(seen) + seen)


def test_redirects_are_answers(wire: HttpWire) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with Line(once(moved)) as line:
        assert wire.call("POST", line.url, json={}).status == 302
        assert line.connections == 1


def test_the_environment_is_not_asked(wire: HttpWire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret")
    for name, value in {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "NETRC": str(netrc),
    }.items():
        monkeypatch.setenv(name, value)
    with Line(echo) as line:
        assert b"authorization" not in wire.call("GET", line.url).body


# ---- what has left ---------------------------------------------------------------------------------------------------


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def nowhere(host: str, port: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("http://127.0.0.1:{port}/", "connection refused", id="refused"),
        pytest.param("https://127.0.0.1:{port}/", "connection refused", id="refused under TLS"),
        pytest.param("http://nowhere.test/", "its name does not resolve", id="no such host"),
        pytest.param("ftp://example.com/", "https://", id="not http"),
        pytest.param("http:///path", "host", id="no host"),
        pytest.param("http://me:secret@127.0.0.1:{port}/", "credentials", id="credentials in the URL"),
        pytest.param("http://127.0.0.1:99999/", "cannot be read", id="no such port"),
        pytest.param(f"http://{'a' * 64}.test/", "its name does not resolve", id="label too long"),
    ],
)
def test_what_cannot_be_reached_was_not_sent(url: str, words: str) -> None:
    with pytest.raises(NotSent, match=words) as caught:
        HttpWire(2, 5, allow_private=True, resolve=nowhere).call("POST", url.format(port=refused_port()), json={})
    assert "secret" not in str(caught.value)


def test_a_header_that_http_cannot_carry_was_not_sent(wire: HttpWire) -> None:
    with Line(echo) as line, pytest.raises(NotSent) as caught:
        wire.call("POST", line.url, json={}, headers={"X-Token": "se\r\ncret"})
    assert "cret" not in str(caught.value)


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    never = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        never.wait(30)
        return []

    with pytest.raises(NotSent, match="timed out"):
        HttpWire(0.05, 5, allow_private=True, resolve=hang).call("GET", "http://slow.test/")
    never.set()


def test_a_resolver_that_blinks_is_asked_again(wire: HttpWire) -> None:
    asked: list[str] = []

    def blink(host: str, port: int) -> list[str]:
        asked.append(host)
        if len(asked) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ["127.0.0.1"]

    with Line(echo) as line:
        answer = HttpWire(2, 5, allow_private=True, resolve=blink).call("GET", f"http://blink.test:{line.port}/")
    assert answer.status == 200
    assert asked == ["blink.test", "blink.test"]


def test_the_next_address_is_tried_when_one_refuses() -> None:
    with Line(echo) as line:
        wire = HttpWire(2, 5, allow_private=True, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
        assert wire.call("GET", f"http://two.test:{line.port}/").status == 200


def test_a_tls_handshake_that_hangs_was_not_sent(hasty: HttpWire) -> None:
    with Line(Peer.wait_until_left) as line, pytest.raises(NotSent, match="timed out"):
        hasty.call("POST", f"https://127.0.0.1:{line.port}/", json={})


def test_a_body_that_is_not_taken_was_not_sent(hasty: HttpWire) -> None:
    with Line(never_read) as line, pytest.raises(NotSent, match="could not be sent"):
        hasty.call("POST", line.url, data=b"x" * 50_000_000)


def never_read(peer: Peer) -> None:
    peer.connection.recv(1, socket.MSG_PEEK)
    threading.Event().wait(0.5)


def test_a_body_that_is_cut_off_was_not_sent(wire: HttpWire) -> None:
    def cut(peer: Peer) -> None:
        peer.connection.recv(1000)
        peer.reset()

    with Line(cut) as line, pytest.raises(NotSent, match="before the request was sent"):
        wire.call("POST", line.url, data=b"x" * 50_000_000)


def test_an_answer_before_the_end_of_the_body_counts(wire: HttpWire) -> None:
    def too_large(peer: Peer) -> None:
        peer.connection.recv(1000)
        peer.answer(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        peer.connection.shutdown(socket.SHUT_RD)
        peer.wait_until_left()

    with Line(too_large) as line:
        assert wire.call("POST", line.url, data=b"x" * 3_000_000).status == 413


def drip(peer: Peer) -> None:
    peer.request()
    peer.answer(b"HTTP/1.1 200 OK\r\nX: ")
    while not peer.closed_within(0.02):
        peer.answer(b"y")


def drip_body(peer: Peer) -> None:
    peer.request()
    peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    while not peer.closed_within(0.02):
        peer.answer(b"y")


def endless(peer: Peer) -> None:
    peer.request()
    peer.answer(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.answer(b"y" * 1000)


def hang(peer: Peer) -> None:
    peer.request()
    peer.wait_until_left()


def reset(peer: Peer) -> None:
    peer.request()
    peer.reset()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hang, id="hangs"),
        pytest.param(drip, id="drips its headers"),
        pytest.param(drip_body, id="drips its body"),
        pytest.param(endless, id="sends without end"),
        pytest.param(reset, id="resets"),
        pytest.param(once(b""), id="closes"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), id="breaks off"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), id="bad chunk"),
        pytest.param(once(b"SSH-2.0-OpenSSH\r\n"), id="is not HTTP"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200), id="too many headers"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), id="header too long"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"y" * 1001), id="too large"),
    ],
)
def test_whatever_happens_after_the_request_left_is_no_answer(hasty: HttpWire, script: Script) -> None:
    with Line(script) as line:
        with pytest.raises(NoAnswer):
            hasty.call("POST", line.url, json={"a": 1})
        assert line.connections == 1


def test_the_largest_answer_that_is_taken(hasty: HttpWire) -> None:
    with Line(once(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"y" * 1000)) as line:
        assert len(hasty.call("GET", line.url).body) == 1000


def test_what_begins_too_late_is_not_sent_by_the_thread_whose_time_it_is(wire: HttpWire) -> None:
    with Line(echo) as line, ThreadPoolExecutor(1) as another:
        with within(-1.0):
            with pytest.raises(NotSent, match="took all the time"):
                wire.call("GET", line.url)
            assert another.submit(wire.call, "GET", line.url).result(5).status == 200
        assert wire.call("GET", line.url).status == 200


# ---- kept connections ------------------------------------------------------------------------------------------------


def test_connections_are_kept(wire: HttpWire) -> None:
    with Line(echo) as line:
        for _ in range(3):
            wire.call("POST", line.url, json={})
        assert line.connections == 1


def test_a_wire_that_nobody_holds_any_more_keeps_no_connections() -> None:
    left = threading.Event()

    def wait(peer: Peer) -> None:
        peer.request()
        peer.answer()
        peer.wait_until_left()
        left.set()

    with Line(wait) as line:
        HttpWire(2, 5, allow_private=True).call("GET", line.url)
        assert left.wait(5)


def test_what_nobody_asked_for_is_not_the_next_answer(wire: HttpWire) -> None:
    answered, said_more = threading.Event(), threading.Event()

    def say_more(peer: Peer) -> None:
        peer.request()
        peer.answer()
        assert answered.wait(5)
        if peer.number == 1:
            peer.answer(b"HTTP/1.1 500 Not Asked For\r\nContent-Length: 0\r\n\r\n")
            said_more.set()
        peer.wait_until_left()

    with Line(say_more) as line:
        assert wire.call("GET", line.url).status == 200
        answered.set()
        assert said_more.wait(5)
        assert wire.call("GET", line.url).status == 200
        assert line.connections == 2


def test_threads_share_a_wire(wire: HttpWire) -> None:
    with Line(echo) as line, ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: wire.call("POST", line.url, json={"n": n}).body, range(100))
        assert [body.decode().rpartition("\n")[2] for body in answers] == [f'{{"n":{n}}}' for n in range(100)]
        assert line.connections <= 8


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_closed_while_idle_is_replaced(wire: HttpWire, method: str) -> None:
    closed = threading.Event()

    def one_each(peer: Peer) -> None:
        peer.request()
        peer.answer()
        if peer.number == 1:
            peer.connection.shutdown(socket.SHUT_RDWR)
            peer.connection.close()
            closed.set()
        peer.wait_until_left()

    with Line(one_each) as line:
        wire.call(method, line.url)
        assert closed.wait(5)
        assert wire.call(method, line.url, json={"a": 1}).status == 200
        assert line.connections == 2


def test_a_kept_connection_that_breaks_in_the_middle_of_a_body_is_replaced(wire: HttpWire) -> None:
    bodies: list[int] = []

    def break_the_first(peer: Peer) -> None:
        if peer.number == 1:
            peer.request()
            peer.answer()
            peer.connection.recv(1000)
            peer.reset()
        else:
            bodies.append(len(peer.request()[2]))
            peer.answer()

    with Line(break_the_first) as line:
        wire.call("GET", line.url)
        assert wire.call("POST", line.url, data=b"x" * 8_000_000).status == 200
    assert bodies == [8_000_000]


def test_a_kept_connection_that_breaks_after_the_request_is_not_repeated(wire: HttpWire) -> None:
    requests: list[int] = []

    def answer_one(peer: Peer) -> None:
        peer.request()
        peer.answer()
        peer.request()
        requests.append(peer.number)
        peer.reset()

    with Line(answer_one) as line:
        wire.call("POST", line.url, json={})
        with pytest.raises(NoAnswer):
            wire.call("POST", line.url, json={})
    assert requests == [1]


# ---- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A PEM bundle that trusts hooks.test, and a server's side with its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hooks.test"), x509.IPAddress(ip_address("::1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("tls")
    bundle, private = directory / "ca.pem", directory / "key.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, private)
    return bundle, context


def at_home(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_tls_goes_to_the_checked_address_under_the_hosts_own_name(authority: tuple[Path, ssl.SSLContext]) -> None:
    bundle, context = authority
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, _: names.append(name)
    wire = HttpWire(2, 5, allow_networks=["127.0.0.0/8"], ca_bundle=str(bundle), resolve=at_home)
    with Line(echo, context) as line:
        seen = [wire.call("POST", f"https://hooks.test:{line.port}/x", json={"a": "å" * 40_000}) for _ in range(2)]
        assert line.connections == 1
    assert names == ["hooks.test"]
    assert all(f"host: hooks.test:{line.port}\n".encode() in answer.body for answer in seen)
    wire.close()


@pytest.mark.parametrize(
    ("host", "trusted"), [("hooks.test", False), ("other.test", True)], ids=["unknown authority", "other name"]
)
def test_a_certificate_that_is_not_valid_ends_before_anything_is_sent(
    authority: tuple[Path, ssl.SSLContext], host: str, trusted: bool
) -> None:
    bundle, context = authority
    wire = HttpWire(2, 5, allow_private=True, ca_bundle=str(bundle) if trusted else None, resolve=at_home)
    with Line(echo, context) as line, pytest.raises(NotSent, match="certificate is not valid"):
        wire.call("POST", f"https://{host}:{line.port}/", json={})


def test_a_hanging_answer_under_tls_ends_with_the_deadline(authority: tuple[Path, ssl.SSLContext]) -> None:
    bundle, context = authority
    wire = HttpWire(2, 0.5, allow_private=True, ca_bundle=str(bundle), resolve=at_home)
    with Line(hang, context) as line, pytest.raises(NoAnswer, match="timed out"):
        wire.call("POST", f"https://hooks.test:{line.port}/", json={})


# ---- small things ----------------------------------------------------------------------------------------------------

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("Fri Jan  2 03:05:05 2026", 60),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e400", None),
        ("9" * 400, None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW.timestamp()) == seconds


def test_an_answer_carries_its_retry_after(wire: HttpWire) -> None:
    with Line(once(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")) as line:
        assert wire.call("GET", line.url).retry_after == 7


def test_nothing_is_logged_about_a_request(wire: HttpWire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Line(echo) as line:
        wire.call("POST", f"{line.url}/canary-path?token=canary-query", json={"a": "canary-body"})
    assert "canary" not in caplog.text


def test_an_ipv6_address(wire: HttpWire) -> None:
    with Line(echo, family=socket.AF_INET6) as line:
        assert f"host: [::1]:{line.port}\n".encode() in wire.call("GET", f"http://[::1]:{line.port}/").body


def test_the_systems_resolver() -> None:
    assert "127.0.0.1" in resolve("localhost", 80)
