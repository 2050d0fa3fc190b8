"""Identity headers: they tell the upstream who a request acts for (RS-5)."""

from __future__ import annotations

from resource_service.identity_token import IdentityClaims, IdentityTokens
from resource_service.messages.forwarded_headers import Fields
from resource_service.principal import Principal
from shared.encoded_text import encoded
from shared.kept_by_identity import KeptByIdentity
from shared.scopes import format_scope


class Identity:
    """Builds the identity headers for one upstream of one resource.

    Args:
        resource: the URL of the resource, which is the issuer of the tokens.
        audience: the upstream, as configured.
    """

    def __init__(self, tokens: IdentityTokens, resource: str, audience: str) -> None:
        self._tokens = tokens
        self._resource = resource
        self._audience = audience
        self._fixed = KeptByIdentity(self._fixed_parts)

    def fields(self, principal: Principal) -> Fields:
        """Return the headers that identify `principal`; a client acting for itself has no user fields."""
        fields, claims = self._fixed(principal)
        return [*fields, (b"x-doorward-identity", self._tokens.issue(claims).encode("ascii"))]

    def _fixed_parts(self, principal: Principal) -> tuple[Fields, IdentityClaims]:
        """Return what is the same in all requests of `principal`."""
        values = {
            b"x-doorward-subject": None if principal.subject is None else encoded(principal.subject),
            b"x-doorward-username": None if principal.user is None else encoded(principal.user),
            b"x-doorward-client": encoded(principal.client_id),
            b"x-doorward-scopes": format_scope(principal.scopes),
        }
        fields = [(name, value.encode("ascii")) for name, value in values.items() if value is not None]
        return fields, IdentityClaims.of(principal, issuer=self._resource, audience=self._audience)
