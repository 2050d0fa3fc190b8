"""Requests to an upstream with the credential of the person's connected account (GW-1)."""

from __future__ import annotations

from dataclasses import replace

from resource_service.connected_accounts.errors import credential_refused
from resource_service.connected_accounts.request_account import RequestAccount
from resource_service.gateway.errors import UnauthorizedRefusal
from resource_service.gateway.upstream import Upstream
from resource_service.messages.key_header import KeyHeader
from shared.http1 import Request, Response


async def answer_with_account(
    upstream: Upstream, request: Request, account: RequestAccount, header: KeyHeader
) -> Response:
    """Send a request with the credential of `account`; if the upstream refuses it, once more with the next.

    A refused request was not run, so that it may be sent twice.

    Args:
        header: of API keys.

    Raises:
        Refusal: see `Upstream.answer_to`, or there is no other credential.
    """
    try:
        return await upstream.answer_to(_with_credential(request, account, header))
    except UnauthorizedRefusal:
        await account.replace()
    try:
        return await upstream.answer_to(_with_credential(request, account, header))
    except UnauthorizedRefusal as refusal:
        raise credential_refused(refusal.detail) from refusal


def _with_credential(request: Request, account: RequestAccount, header: KeyHeader) -> Request:
    secret, is_api_key = account.credential.secret, account.credential.is_api_key
    field = header.field(secret) if is_api_key else (b"authorization", secret.encode("ascii"))
    return replace(request, fields=[*request.fields, field])
