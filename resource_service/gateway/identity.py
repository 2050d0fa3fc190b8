"""Identity headers: they tell the upstream who a request acts for (RS-5)."""

from __future__ import annotations

from dataclasses import dataclass

from resource_service.identity_token import IdentityTokens
from resource_service.messages.forwarded_headers import Fields
from resource_service.principal import Principal
from shared.encoded_text import encoded
from shared.scopes import format_scope


@dataclass(frozen=True, slots=True)
class Identity:
    """Builds the identity headers for one upstream of one resource.

    Attributes:
        resource: the URL of the resource, which is the issuer of the tokens.
        audience: the upstream, as configured.
    """

    tokens: IdentityTokens
    resource: str
    audience: str

    def fields(self, principal: Principal) -> Fields:
        """Return the headers that identify `principal`; a client acting for itself has no user fields."""
        values = {
            b"x-doorward-subject": None if principal.subject is None else encoded(principal.subject),
            b"x-doorward-username": None if principal.user is None else encoded(principal.user),
            b"x-doorward-client": encoded(principal.client_id),
            b"x-doorward-scopes": format_scope(principal.scopes),
            b"x-doorward-identity": self.tokens.issue(
                principal, issuer=self.resource, audience=self.audience
            ),
        }
        return [(name, value.encode("ascii")) for name, value in values.items() if value is not None]
