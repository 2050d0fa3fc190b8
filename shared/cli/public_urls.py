"""Check the public URLs that options name."""

from __future__ import annotations

from shared.cli.console import CommandError
from shared.uris import check_public_url, resource_key


def check_public_urls(issuer: str, resource: str) -> None:
    """Check ``--issuer`` and ``--resource``.

    Raises:
        CommandError: one of them cannot be a public URL, or they are the same.
    """
    for option, url in (("--issuer", issuer), ("--resource", resource)):
        try:
            check_public_url(url)
        except ValueError as error:
            raise CommandError(f"{option} {url}: {error}") from error
    if issuer.endswith("/"):
        raise CommandError(f"--issuer {issuer}: the issuer must not end with a slash")
    if resource_key(issuer) == resource_key(resource):
        raise CommandError("--issuer and --resource are the same URL")
