"""The sites where clients publish their documents, under their real names, as the server finds them.

Every rule for what may be fetched is in force: only the resolver and what connects to an address are the
tests' own, and the authority that certifies the names.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from auth_service.fetching import Fetcher
from tests.attacks.listener import Posing
from tests.certificates import Authority
from tests.profiles.credentials import Signer
from tests.profiles.profile import PROFILES, Document
from tests.sites import HERE, Names, Site, document, site

ODD_METADATA: dict[str, dict[str, Any]] = {
    "null": {"tos_uri": None, "contacts": [], "software_version": ""},
    "unknown": {"unknown": {"a": 1}, "tls_client_auth_subject_dn": "x"},
    "logo": {"logo_uri": "data:image/png;base64,iVBORw0KGgo="},
}
"""Tolerated deviations in metadata, by name."""


def odd_client_id(published_as: Document, kind: str) -> str:
    """Where a document is that is `published_as`, and has what is odd as well."""
    return f"{published_as.client_id}/{kind}"


class Detour(httpcore2.AsyncNetworkBackend):
    """Connects to the site that stands for an address on the Internet."""

    def __init__(self, sites: dict[str, Site]) -> None:
        self._sites = sites
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, *_: object, **__: object
    ) -> httpcore2.AsyncNetworkStream:
        stream = await self._tcp.connect_tcp(str(HERE), self._sites[host].port)
        return Posing(stream, (host, port))


@contextmanager
def published(authority: Authority, signer: Signer) -> Iterator[Callable[[], Fetcher]]:
    """Creates fetchers, one for each authorization server, that find every document in the profiles.

    Args:
        signer: whose keys are at each `jwks_uri`.
    """
    documents = [profile.document for profile in PROFILES.values() if profile.document]
    names = Names({})
    sites: dict[str, Site] = {}
    with ExitStack() as stack:
        for number, host in enumerate(sorted({_host(item) for item in documents}), start=1):
            address = ipaddress.IPv4Address(f"93.184.215.{number}")
            names.answers[host] = [address]
            sites[str(address)] = stack.enter_context(site(authority.certifying(host)))
            _publish(sites[str(address)], [item for item in documents if _host(item) == host], signer)
        yield lambda: Fetcher(ssl_context=authority.trusting(), resolve=names, connections=Detour(sites))


def _host(item: Document) -> str:
    return urlsplit(item.client_id).netloc


def _publish(where: Site, documents: list[Document], signer: Signer) -> None:
    for item in documents:
        members = {"client_id": item.client_id, **item.metadata}
        where.answers[urlsplit(item.client_id).path] = document(members, Cache_Control="max-age=600")
        for kind, odd in ODD_METADATA.items():
            client_id = odd_client_id(item, kind)
            where.answers[urlsplit(client_id).path] = document({**members, **odd, "client_id": client_id})
        if keys := item.metadata.get("jwks_uri"):
            where.answers[urlsplit(keys).path] = document(signer.jwks)
