"""``doorward health``: for health checks, and to wait until a service is up."""

from __future__ import annotations

from typing import Annotated

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
    import httpx2

    if not is_web_url(url):
        raise CommandError(f"{url} is not an http or https URL")
    try:
        # A proxy from the environment is for remote servers, not for the service next to us.
        answer = httpx2.get(url, timeout=timeout_s, trust_env=False)
    except httpx2.HTTPError as error:
        raise NegativeResultError(f"{url} does not respond: {error}") from error
    if answer.status_code != httpx2.codes.OK:
        raise NegativeResultError(f"{url} returns {answer.status_code}")
    output.print("well")
