"""What the upstream is told about who a request acts for (RS-5)."""

from __future__ import annotations

import string
from dataclasses import dataclass
from urllib.parse import quote

from resource_service.identity_token import IdentityTokens
from resource_service.messages.forwarded_headers import Fields
from resource_service.principal import Principal
from shared.scopes import format_scope

# All printable ASCII but the space, which a recipient would trim off the ends, and the percent sign itself.
_PLAIN = (string.ascii_letters + string.digits + string.punctuation).replace("%", "")


@dataclass(frozen=True, slots=True)
class Identity:
    """Tells one upstream of one resource who it serves.

    Attributes:
        resource: the URL of the resource, the issuer of the tokens.
        audience: the upstream, as it is configured.
    """

    tokens: IdentityTokens
    resource: str
    audience: str

    def fields(self, principal: Principal) -> Fields:
        """The header fields that say who `principal` is; no subject where a client acts for itself."""
        said = {
            b"x-doorward-subject": None if principal.subject is None else encoded(principal.subject),
            b"x-doorward-client": encoded(principal.client_id),
            b"x-doorward-scopes": format_scope(principal.scopes),
            b"x-doorward-identity": self.tokens.mint(principal, issuer=self.resource, audience=self.audience),
        }
        return [(name, value.encode("ascii")) for name, value in said.items() if value is not None]


def encoded(text: str) -> str:
    """`text` as a header value or an environment variable can hold it.

    Everything but printable ASCII, the space and the percent sign are percent-encoded, as UTF-8 (RFC 3986
    §2.1): decoding gives back exactly what it was, and no line break begins a header of its own.
    """
    return quote(text, safe=_PLAIN, errors="surrogatepass")
