"""The client for approvals of calls, as the settings define it."""

from __future__ import annotations

from resource_service.authorization_server_client import own_authorization
from resource_service.authorization_server_endpoint import AuthorizationServerEndpoint, endpoint_at
from resource_service.call_approvals.client import PATH, ApprovalClient
from resource_service.introspection.back_channel import BackChannel
from resource_service.settings import ResourceSettings


def approval_endpoint(settings: ResourceSettings) -> AuthorizationServerEndpoint:
    """Create the connections to the endpoint for approvals."""
    return endpoint_at(settings, PATH)


def approval_client(settings: ResourceSettings, endpoint: AuthorizationServerEndpoint) -> ApprovalClient:
    """Create the client for approvals of calls."""
    channel = BackChannel(post=endpoint.post, authorization=own_authorization(settings))
    return ApprovalClient(channel=channel, issuer=settings.issuer)
