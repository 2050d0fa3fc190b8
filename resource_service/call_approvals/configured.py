"""The client for approvals of calls, as the settings define it."""

from __future__ import annotations

from resource_service.authorization_server_endpoint import AuthorizationServerEndpoint
from resource_service.call_approvals.client import PATH, ApprovalClient
from resource_service.introspection.back_channel import BackChannel
from resource_service.settings import ResourceSettings
from shared.http_exchange import basic_authorization


def approval_endpoint(settings: ResourceSettings) -> AuthorizationServerEndpoint:
    """Create the connections to the endpoint for approvals."""
    return AuthorizationServerEndpoint(
        f"{settings.authorization_server_url}{PATH}", timeout_s=settings.introspection_timeout_s
    )


def approval_client(settings: ResourceSettings, endpoint: AuthorizationServerEndpoint) -> ApprovalClient:
    """Create the client for approvals of calls."""
    secret = settings.resource_secret.get_secret_value()
    channel = BackChannel(
        post=endpoint.post, authorization=basic_authorization(settings.resource_server_id, secret)
    )
    return ApprovalClient(channel=channel, issuer=settings.issuer)
