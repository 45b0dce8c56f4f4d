"""`router send`: sign a file and post it, as a client would."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from router.cli.signing import sign

TIMEOUT = 35.0


def post(url: str, body: bytes, content_type: str, *, access_key_id: str, secret: str, region: str) -> tuple[int, Any]:
    """Post signed bytes: the status, and the answer's JSON (or text). Raises `OSError` when there is no answer."""
    headers = sign("POST", url, body, access_key_id=access_key_id, secret=secret, region=region, now=datetime.now(UTC))
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT)
    try:
        connection.request("POST", parts.path or "/", body, {**headers, "Content-Type": content_type})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080/v2/profiles", show_default=True, help="Where to post it.")
@click.option("--access-key-id", envvar="ACCESS_KEY_ID", required=True)
@click.option("--secret-access-key", envvar="SECRET_ACCESS_KEY", required=True)
@click.option("--region", default="eu-west-1", show_default=True)
@click.pass_context
def send(ctx: click.Context, file: Path, url: str, access_key_id: str, secret_access_key: str, region: str) -> None:
    """Sign FILE (JSON, or newline-delimited when it ends in .ndjson) and post it; prints the answer."""
    content_type = "application/x-ndjson" if file.suffix == ".ndjson" else "application/json"
    try:
        status, answer = post(
            url, file.read_bytes(), content_type, access_key_id=access_key_id, secret=secret_access_key, region=region
        )
    except OSError as error:
        raise click.ClickException(f"no answer from {url}: {error.strerror or type(error).__name__}") from None
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if not isinstance(answer, str) else answer)
    if status != http.client.OK:
        ctx.exit(1)
