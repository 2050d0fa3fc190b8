"""The scope of the admin API: which clients may be granted it (ID-8).

Which people may hold it is decided by `access.control`: administrators, at each use.
"""

from __future__ import annotations

from auth_service.protocol.client import Client
from auth_service.protocol.errors import OAuthError
from auth_service.protocol.reasons import Reason
from shared.scopes import parse_scope
from shared.texts import Text

SCOPE = "doorward:admin"
DESCRIPTION = Text(
    "Administer this server: accounts, groups, access rules, clients, connections and sessions"
)
NAME = Text("the administration of this server")
PATH = "/admin/api"
RECENT_S = 600
"""The maximum age of the login for an operation that is dangerous, in seconds."""


def admin_resource_of(issuer: str) -> str:
    """Return the identifier of the admin API as a protected resource (RFC 8707 §2)."""
    return issuer + PATH


def may_administer(client: Client) -> bool:
    """Whether a client may be granted the scope: only one that the operator created for it.

    Never one that registered itself or is described by its own document, even if an administrator
    approves it: its name and purpose are its own claims, and the scope gives it everything.
    """
    return client.is_operators and not client.disabled and SCOPE in _registered_scopes(client)


def _registered_scopes(client: Client) -> tuple[str, ...]:
    try:
        return parse_scope(str(client.metadata.get("scope") or ""))
    except ValueError:
        return ()


class InsufficientUserAuthenticationError(OAuthError):
    """The login is too old or too weak for the operation (RFC 9470 §3).

    Attributes:
        max_age_s: the maximum age of the login that is needed; None for any age.
        acr: the authentication context that is needed; None for any.
    """

    code = "insufficient_user_authentication"
    status = 401

    def __init__(
        self, reason: Reason, description: str, *, max_age_s: int | None = None, acr: str | None = None
    ) -> None:
        super().__init__(reason, description)
        self.max_age_s = max_age_s
        self.acr = acr


class NotThereError(OAuthError):
    """The object of the request does not exist (RFC 9110 §15.5.5)."""

    code = "not_found"
    status = 404


class ConflictError(OAuthError):
    """The request contradicts the current state (RFC 9110 §15.5.10)."""

    code = "conflict"
    status = 409


class PreconditionFailedError(OAuthError):
    """Somebody else has changed the object since it was read (RFC 9110 §15.5.13)."""

    code = "precondition_failed"
    status = 412


class PreconditionRequiredError(OAuthError):
    """The request does not say which version it changes (RFC 6585 §3)."""

    code = "precondition_required"
    status = 428
