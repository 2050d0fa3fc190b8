"""A deployment behind a proxy, by its public names."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import httpx2

from tests.flow import Person

# Names that the test resolves to this machine, whatever the machine's own resolver would say.
HOSTS = ("example.com", "auth.example.com", "mcp.example.com")


@dataclass
class Site:
    """A deployment behind a proxy.

    Attributes:
        port: where the proxy listens on this machine.
    """

    issuer: str
    mcp_url: str
    trust: ssl.SSLContext
    port: int

    def client(self) -> httpx2.Client:
        return httpx2.Client(transport=_ToThisMachine(self.trust, self.port), timeout=30)

    def person(self) -> Person:
        return Person(transport=_ToThisMachine(self.trust, self.port))


class _ToThisMachine(httpx2.HTTPTransport):
    """Connects to the proxy on loopback for every host, and checks the certificate for the host's name."""

    def __init__(self, trust: ssl.SSLContext, port: int) -> None:
        super().__init__(verify=trust, trust_env=False)
        self._port = port

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.host in HOSTS, request.url
        there = httpx2.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self._port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(there)
