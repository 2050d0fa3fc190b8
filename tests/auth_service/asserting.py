"""A client that authenticates with a signature (RFC 7523 §2.2)."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.auth_service.keypair import ASSERTION_TYPE, KeyPair
from tests.auth_service.service import AuthorizationServer
from tests.flow import Client


class AssertingClient(Client):
    """Signs an assertion for every request to the token endpoint and its like."""

    server: AuthorizationServer
    pair: KeyPair

    @classmethod
    def registered(
        cls, server: AuthorizationServer, pair: KeyPair | None = None, **metadata: Any
    ) -> AssertingClient:
        """A new one, with the key of `pair` in its registration."""
        pair = pair or KeyPair()
        metadata_members = {"token_endpoint_auth_method": "private_key_jwt", "jwks": pair.jwks, **metadata}
        information = server.register(**metadata_members).information
        return cls.known(server, pair, information)

    @classmethod
    def known(
        cls, server: AuthorizationServer, pair: KeyPair, information: dict[str, Any]
    ) -> AssertingClient:
        """One that is registered already."""
        client = cls(server.origin, server.http, information)
        client.server, client.pair = server, pair
        return client

    def assertion(self, **changes: Any) -> str:
        audience = changes.pop("audience", self.server.issuer)
        return self.pair.assertion(self.client_id, audience, now=self.server.clock(), **changes)

    def present(self, path: str, assertion: str, /, **parameters: str) -> httpx2.Response:
        """A request with that assertion."""
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **parameters}
        return self.http.post(f"{self.issuer}/{path}", data=form)

    def _post(self, path: str, parameters: dict[str, str]) -> httpx2.Response:
        return self.present(path, self.assertion(), **parameters)
