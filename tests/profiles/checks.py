"""The checks of clients, by their names in the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

SLOWEST_S = 10
"""The timeout of Claude for each step."""

OPENID_REQUIRED = (
    *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"),
    *("subject_types_supported", "id_token_signing_alg_values_supported"),
)


@dataclass
class Evidence:
    """Everything that one client has been told on its way.

    Attributes:
        pasted: the URL of the MCP server as the user gave it.
        challenge: the 401 that it began with.
        sent_registration: what it posted, where it registered.
        answers: every answer to the client itself, in order.
        redirected: the parameters of the authorization response.
    """

    pasted: str
    challenge: httpx2.Response | None = None
    resource_metadata: dict[str, Any] = field(default_factory=dict)
    server_metadata: dict[str, Any] = field(default_factory=dict)
    sent_registration: dict[str, Any] = field(default_factory=dict)
    registration: dict[str, Any] = field(default_factory=dict)
    redirected: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    answers: list[httpx2.Response] = field(default_factory=list)

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Every JSON object it was given."""
        return [self.resource_metadata, self.server_metadata, self.registration, self.tokens]


Check = Callable[[Evidence], None]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Let the data know a check by `name`."""

    def known(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return known


@check("resource equals the pasted URL")
def _resource(evidence: Evidence) -> None:
    assert evidence.resource_metadata["resource"] == evidence.pasted


@check("issuer equals the one announced")
def _issuer(evidence: Evidence) -> None:
    assert evidence.server_metadata["issuer"] == evidence.resource_metadata["authorization_servers"][0]


@check("iss is there")
def _iss(evidence: Evidence) -> None:
    assert evidence.server_metadata["authorization_response_iss_parameter_supported"] is True
    assert evidence.redirected["iss"] == evidence.server_metadata["issuer"]


@check("documents and public clients are advertised")
def _advertised(evidence: Evidence) -> None:
    assert evidence.server_metadata["client_id_metadata_document_supported"] is True
    assert "none" in evidence.server_metadata["token_endpoint_auth_methods_supported"]


@check("signed assertions are advertised")
def _assertions(evidence: Evidence) -> None:
    metadata = evidence.server_metadata
    assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"]
    assert "RS256" in metadata["token_endpoint_auth_signing_alg_values_supported"]


@check("S256 is advertised")
def _pkce(evidence: Evidence) -> None:
    assert "S256" in evidence.server_metadata["code_challenge_methods_supported"]


@check("OpenID discovery is complete")
def _openid(evidence: Evidence) -> None:
    assert [name for name in OPENID_REQUIRED if not evidence.server_metadata.get(name)] == []


@check("redirect URIs come back as sent")
def _redirect_uris(evidence: Evidence) -> None:
    if evidence.sent_registration:
        assert evidence.registration["redirect_uris"] == evidence.sent_registration["redirect_uris"]


@check("a secret comes with its expiry")
def _secret_expiry(evidence: Evidence) -> None:
    if "client_secret" in evidence.registration:
        assert isinstance(evidence.registration["client_secret_expires_at"], int)


@check("nothing is null or an empty URL")
def _no_nulls(evidence: Evidence) -> None:
    def hollow(value: object, name: str) -> Iterator[str]:
        if value is None or (value == "" and name.endswith(("_uri", "_url", "_endpoint"))):
            yield name
        for key, member in value.items() if isinstance(value, dict) else ():
            yield from hollow(member, key)
        for member in value if isinstance(value, list) else ():
            yield from hollow(member, name)

    for document in evidence.documents:
        assert list(hollow(document, "")) == []


@check("tokens are not stored by caches")
def _no_store(evidence: Evidence) -> None:
    endpoint = evidence.server_metadata["token_endpoint"]
    answers = [answer for answer in evidence.answers if str(answer.request.url) == endpoint]
    assert answers
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


@check("granted scopes are told")
def _scope(evidence: Evidence) -> None:
    assert evidence.tokens["scope"].split()


@check("the token type is Bearer")
def _token_type(evidence: Evidence) -> None:
    assert evidence.tokens["token_type"].lower() == "bearer"


@check("every answer within ten seconds")
def _speed(evidence: Evidence) -> None:
    assert max(answer.elapsed.total_seconds() for answer in evidence.answers) < SLOWEST_S


@check("a page may read every answer")
def _cors(evidence: Evidence) -> None:
    for answer in evidence.answers:
        origin = answer.request.headers["origin"]
        place = f"{answer.request.method} {answer.request.url}"
        assert answer.headers.get("access-control-allow-origin") in ("*", origin), place
    assert evidence.challenge is not None
    exposed = evidence.challenge.headers["access-control-expose-headers"].lower()
    assert "www-authenticate" in exposed
    assert "mcp-session-id" in exposed
