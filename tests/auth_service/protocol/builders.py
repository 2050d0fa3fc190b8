"""Documents as the rules take them, with everything a test does not care about filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from auth_service.protocol.client import Client
from auth_service.protocol.errors import OAuthError
from auth_service.protocol.grant import (
    CodeRedemption,
    Grant,
    Lifetimes,
    Outcome,
    Refresh,
    redeem,
)
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.pkce import s256
from auth_service.protocol.resources import ProtectedResource, ResourceRegistry

NOW = 1_800_000_000
REDIRECT_URI = "https://client.example/callback"
RESOURCE = "https://mcp.example/mcp"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
LIFETIMES = Lifetimes(code_s=60, access_s=600, refresh_idle_s=10_000, refresh_absolute_s=50_000, grace_s=60)
OWN_SCOPES = {"openid": "Know that it is you", "profile": "See your name", "offline_access": "Stay connected"}
NOTES = ProtectedResource(
    resource=RESOURCE, name="Notes", scopes={"a": "Do a", "b": "Do b", "c": "Do c"}, default_scopes=("a", "b")
)
CATALOGUE = ResourceRegistry([NOTES], OWN_SCOPES)


def code_grant(**changes: Any) -> Grant:
    """A grant whose code has not been redeemed."""
    grant = Grant(
        grant_id="AAAAAAAAAAAAAAAAAAAAAA",
        client_id="client-1",
        scopes=("a", "b", "c"),
        created_at=NOW,
        expires_at=NOW + LIFETIMES.code_s + LIFETIMES.refresh_absolute_s,
        state="code",
        resource=RESOURCE,
        subject="subject-1",
        username="wesen",
        session_id="session-1",
        auth_time=NOW - 5,
        redirect_uri=REDIRECT_URI,
        code_challenge=s256(VERIFIER),
        refreshable=True,
    )
    return replace(grant, **changes)


def redemption(**changes: Any) -> CodeRedemption:
    """The parameters of the client of `code_grant`."""
    return replace(
        CodeRedemption(
            client_id="client-1", redirect_uri=REDIRECT_URI, code_verifier=VERIFIER, resource=None
        ),
        **changes,
    )


def refreshing(generation: int, **changes: Any) -> Refresh:
    """The parameters of the client of `active_grant`."""
    return replace(Refresh(client_id="client-1", generation=generation, scope=None, resource=None), **changes)


def active_grant(now: int = NOW, **changes: Any) -> Grant:
    """A grant whose code has been redeemed at `now`."""
    return written(redeem(code_grant(**changes), redemption(), LIFETIMES, now))


def written(outcome: Outcome) -> Grant:
    """The grant that a rule wrote and answered with."""
    document, result = outcome
    assert isinstance(result, Grant), result
    assert document == result
    return document


def refusal(outcome: Outcome) -> OAuthError:
    """The refusal of a rule that changed nothing."""
    document, result = outcome
    assert document is None
    assert isinstance(result, OAuthError)
    return result


def client(**metadata: Any) -> Client:
    """A public client with one redirect URI."""
    usual = {
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }
    return Client(
        client_id="client-1", created_at=NOW, metadata={**usual, **metadata}, expires_at=NOW + 86_400
    )


def parameters(*resources: str, **values: str) -> Parameters:
    """Parameters as a request brings them."""
    return Parameters(values, resources)
