"""Requests for an interaction with the user."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from auth_service.protocol.authorization import AuthorizationRequest
from tests.auth_service.protocol.builders import REDIRECT_URI, RESOURCE


def request_with(*prompts: str, **changes: Any) -> AuthorizationRequest:
    request = AuthorizationRequest(
        client_id="client-1",
        redirect_uri=REDIRECT_URI,
        redirect_uri_given=True,
        response_mode="query",
        scopes=("a", "b"),
        resource=RESOURCE,
        prompts=prompts,
    )
    return replace(request, **changes)
