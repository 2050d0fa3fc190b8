"""Reads the grant of a token request in the same exchange as its client."""

from __future__ import annotations

import asyncio

from auth_service.grants.authorization_code import AuthorizationCode
from auth_service.grants.base import Begun, GrantType
from auth_service.grants.refresh_token import RefreshToken
from auth_service.protocol.cimd import names_document
from auth_service.protocol.parameters import Parameters
from shared.storage.readings import if_sent


def begin_reading(grant_type: GrantType | None, parameters: Parameters, now: int) -> Begun | None:
    """Begin to read what `grant_type` needs; None if it is read later, when the client is authenticated.

    Not for a client whose document or keys may be fetched in the meantime: access rules that were read so
    long ago might have changed.
    """
    if not isinstance(grant_type, (AuthorizationCode, RefreshToken)) or _may_fetch(parameters):
        return None
    begun = grant_type.begin_reading(parameters, now)
    return None if begun is None or if_sent(begun.values) is None else begun


def end_reading(begun: Begun | None) -> None:
    """Drop what a refused request did not use."""
    if begun is not None and isinstance(begun.values, asyncio.Future):
        begun.values.cancel()  # also if it has failed: asyncio would complain that nobody retrieved the error


def _may_fetch(parameters: Parameters) -> bool:
    values = parameters.values
    return "client_assertion" in values or names_document(values.get("client_id", ""))
