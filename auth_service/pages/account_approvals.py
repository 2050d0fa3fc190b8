"""The section of the account page with the calls that the person may approve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.call_approvals.approvals import CallApprovals
from auth_service.clients.repository import ClientRepository
from auth_service.pages.account_sections import Confirmation, Done
from auth_service.protocol.connected_apps import DELETED_CLIENT
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.sessions import Session
from auth_service.web.moments import day
from shared.texts import Text

MAX_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class ApprovalsSection:
    """Lists the calls that wait, each with the link to its page; decisions are made there.

    Attributes:
        groups_of: returns the groups of a person.
        resource_names: by the URL of the resource.
    """

    approvals: CallApprovals
    clients: ClientRepository
    groups_of: Callable[[str], Awaitable[tuple[str, ...]]]
    resource_names: Mapping[str, str]

    actions: frozenset[str] = frozenset()

    @property
    def messages(self) -> Mapping[str, Text]:
        """There are no actions, so no messages."""
        return {}

    async def context(self, session: Session, query: Parameters) -> dict[str, Any]:
        groups = await self.groups_of(session.subject)
        waiting = await self.approvals.waiting_for(session.subject, groups)
        listed = waiting[:MAX_LISTED]
        clients = [await self.clients.get(each.client_id) for each in listed]
        return {
            "approvals": [
                {
                    "approval_id": each.approval_id,
                    "tool": each.tool,
                    "client": client.name if client else DELETED_CLIENT,
                    "resource": self.resource_names.get(each.resource, each.resource),
                    "mount": each.shown_mount,
                    "until": day(each.expires_at),
                }
                for each, client in zip(listed, clients, strict=True)
            ],
            "more_approvals": len(waiting) - len(listed),
        }

    async def confirmation(self, session: Session, query: Parameters) -> Confirmation | None:
        return None

    async def act(self, session: Session, form: Parameters) -> Done:
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "calls are decided on their own pages")
