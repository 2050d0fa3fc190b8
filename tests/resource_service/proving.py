"""A client whose token is bound to a key, in front of the resource service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, token_for


@dataclass
class Prover:
    """Shows a token, and proves with every request that it has the key."""

    service: Service
    http: httpx2.Client
    token: str
    pair: KeyPair = field(default_factory=KeyPair)

    @classmethod
    def known(
        cls,
        service: Service,
        issuer: AuthorizationServer,
        http: httpx2.Client,
        pair: KeyPair | None = None,
        **members: object,
    ) -> Prover:
        """One whose token `issuer` knows to be bound to its key."""
        pair = pair or KeyPair()
        bound = {"token_type": "DPoP", "cnf": {"jkt": pair.thumbprint}, **members}
        return cls(service, http, token_for(service, issuer, **bound), pair)

    def proof(self, method: str, path: str, **changes: Any) -> str:
        """A proof for a request to the service; see `KeyPair.proof`."""
        changes = {"access_token": self.token, **changes}
        return self.pair.proof(method, f"{self.service.origin}{path}", **changes)

    def send(
        self,
        method: str,
        path: str,
        *proofs: str,
        scheme: str = "DPoP",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx2.Response:
        """A request with `proofs`, or with one valid proof by default."""
        proofs = proofs or (self.proof(method, path.partition("?")[0]),)
        fields = [("Authorization", f"{scheme} {self.token}"), *(("DPoP", proof) for proof in proofs)]
        return self.http.request(method, path, headers=[*fields, *(headers or {}).items()], **more)

    def greeted(self, *proofs: str, **more: Any) -> httpx2.Response:
        """GET /hello."""
        return self.send("GET", "/hello", *proofs, **more)


def refused(response: httpx2.Response, error: str, *, scheme: str = "DPoP") -> bool:
    """Whether the answer is a 401 with a challenge in `scheme` that names `error`."""
    challenge = response.headers.get("www-authenticate", "")
    named = response.status_code == 401 and response.json()["error"] == error
    return named and challenge.startswith(f'{scheme} error="{error}", ')
