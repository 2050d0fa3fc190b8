"""``doorward health``: for health checks, and to wait until a service is up."""

from __future__ import annotations

import ssl
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import typer

from shared.cli.console import CommandError, NegativeResultError, output
from shared.cli.doctor.urls import is_web_url


def health(
    url: Annotated[str, typer.Argument(help="For example http://localhost:9000/health")],
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds to wait for a response.")
    ] = 3.0,
) -> None:
    """Check a service; the exit status is 0 if it is healthy."""
    if not is_web_url(url):
        raise CommandError(f"{url} is not an http or https URL")
    try:
        status = status_of(url, timeout_s)
    except (OSError, HTTPException) as error:
        raise NegativeResultError(f"{url} does not respond: {error}") from error
    if status != HTTPStatus.OK:
        raise NegativeResultError(f"{url} returns {status}")
    output.print("well")


def status_of(url: str, timeout_s: float, ca_file: Path | None = None) -> int:
    """Request `url` without a proxy and without following redirects; return the status.

    With the standard library: a check that runs every few seconds must not import an HTTP client first.

    Args:
        ca_file: the authorities that certify `url`; None for those of the machine.

    Raises:
        OSError, HTTPException: nothing answers.
    """
    parts = urlsplit(url)
    with closing(_connection(parts, timeout_s, ca_file)) as connection:
        connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
        return connection.getresponse().status


def _connection(parts: SplitResult, timeout_s: float, ca_file: Path | None) -> HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme != "https":
        return HTTPConnection(host, parts.port, timeout=timeout_s)
    context = ssl.create_default_context(cafile=ca_file)
    return HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
