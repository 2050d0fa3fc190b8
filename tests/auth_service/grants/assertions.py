"""Assertions of the trusted issuers of an installation."""

from __future__ import annotations

import secrets
from typing import Any

from auth_service.protocol.client import Client
from auth_service.protocol.jwt_bearer import ID_JAG_TYPE
from tests.auth_service.grants.installation import IDP, IDP_KEY, ISSUER, RUNNER, RUNNER_KEY
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import NOW
from tests.auth_service.service import RESOURCE


def id_jag(client: Client, pair: KeyPair = IDP_KEY, **changes: Any) -> str:
    claims = {
        "iss": IDP,
        "sub": "alice",
        "email": "alice@corp.example",
        "aud": ISSUER,
        "client_id": client.client_id,
        "resource": RESOURCE,
        "jti": secrets.token_urlsafe(8),
        "exp": NOW + 300,
        **changes,
    }
    return pair.sign({name: value for name, value in claims.items() if value is not None}, ID_JAG_TYPE)


def workload(**changes: Any) -> str:
    claims = {"iss": RUNNER, "sub": "repo:acme/app", "aud": f"{ISSUER}/token", "repository": "acme/app"}
    return RUNNER_KEY.sign({**claims, "exp": NOW + 300, **changes}, None)
