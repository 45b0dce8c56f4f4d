"""Our own signer, against the receiver's verifier and against botocore."""

from __future__ import annotations

import pytest

from router.cli.signing import sign
from router.http import sigv4
from tests.http.signing import ACCESS_KEY, NOW, REGIONS, SECRET, Signer, keys

URLS = [
    "http://127.0.0.1:8080/v2/profiles",
    "https://api.example.com/",
    "https://api.example.com/a%20b/c~d",
    "https://api.example.com/%C3%A5",
]


def signed(url: str, body: bytes) -> dict[str, str]:
    return sign("POST", url, body, access_key_id=ACCESS_KEY, secret=SECRET, region="eu-west-1", now=NOW)


@pytest.mark.parametrize("url", URLS)
def test_it_signs_as_botocore_does(url):
    ours = signed(url, b'{"a": 1}')
    theirs = Signer(unsigned=frozenset({"content-type"})).headers("POST", url, b'{"a": 1}')
    assert ours["Authorization"] == theirs["authorization"]


def test_the_receiver_takes_it():
    headers = {name.lower(): value for name, value in signed("http://127.0.0.1:8080/v2/profiles", b"{}").items()}
    request = sigv4.SignedRequest("POST", "/v2/profiles", headers, b"{}")
    assert sigv4.verify(request, keys, NOW, REGIONS) == ACCESS_KEY
