"""The wiring of approvals of calls."""

from __future__ import annotations

from auth_service.call_approvals.approvals import CallApprovals
from auth_service.call_approvals.approvals import call_approvals as approvals_in
from auth_service.endpoints.call_approval import CallApprovalEndpoint
from auth_service.pages.account_approvals import ApprovalsSection
from auth_service.pages.approve import ApprovePage
from auth_service.web.render import PageTemplates
from auth_service.web.route import Endpoint
from auth_service.wiring.components import Components
from auth_service.wiring.page_context import warning
from shared.appearance.theme import Theme


def call_approvals(parts: Components) -> CallApprovals:
    """Create the approvals of calls."""
    return approvals_in(parts.base.store, parts.base.clock, parts.page_context.account_events)


def call_approval_endpoint(parts: Components) -> Endpoint:
    """Create `/call-approval`."""
    return CallApprovalEndpoint(
        callers=parts.client_auth.introspection_callers,
        tokens=parts.grants.token_reader,
        approvals=call_approvals(parts),
        networks=parts.page_context.networks,
        issuer=parts.base.settings.issuer,
        clock=parts.base.clock,
    ).endpoint()


def approve_page(parts: Components) -> Endpoint:
    """Create the page on which a call is approved."""
    base = parts.base
    templates = PageTemplates(Theme.of(base.settings), warning=warning(base.settings), nested=True)
    return ApprovePage(
        context=parts.page_context.with_templates(templates),
        approvals=call_approvals(parts),
        clients=parts.clients.repository,
        users=parts.users.repository,
        groups_of=parts.access.control.groups_of,
        resource_names={resource.resource: resource.name for resource in base.settings.resources},
        store=base.store,
    ).endpoint()


def approvals_section(parts: Components) -> ApprovalsSection:
    """Create the section of the account page."""
    return ApprovalsSection(
        approvals=call_approvals(parts),
        clients=parts.clients.repository,
        groups_of=parts.access.control.groups_of,
        resource_names={resource.resource: resource.name for resource in parts.base.settings.resources},
    )
