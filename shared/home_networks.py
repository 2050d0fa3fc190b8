"""Plain http on private networks, if the operator allows it: see `docs/how-to/home-network.md`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from shared.environment import listed
from shared.texts import Text
from shared.uris import PRIVATE_NETWORKS, Network, is_in, is_loopback, split_absolute

WARNING = Text(
    "Plain http is allowed here on a private network: everybody on that network can read and change what is"
    " sent, passwords and tokens included."
)


def _check_private(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    for network in networks:
        if not any(network.version == p.version and network.subnet_of(p) for p in PRIVATE_NETWORKS):  # type: ignore[arg-type]
            raise ValueError(f"{network} is not a private network; plain http is never allowed on others")
    return networks


HttpNetworks = Annotated[
    tuple[Network, ...], NoDecode, BeforeValidator(listed), AfterValidator(_check_private)
]
"""The setting ``DOORWARD_ALLOW_HTTP_NETWORKS``."""


def check_http(urls: Iterable[str], networks: Iterable[Network]) -> None:
    """Check that the public URLs of a service use plain http only on the networks where it is allowed.

    Raises:
        ValueError: a URL uses plain http elsewhere.
    """
    for url in urls:
        parts = split_absolute(url)
        if parts.scheme == "http" and not is_loopback(parts) and not is_in(parts, networks):
            raise ValueError(
                f"{url} must be https; plain http is allowed only for localhost, and for addresses in"
                " DOORWARD_ALLOW_HTTP_NETWORKS"
            )
