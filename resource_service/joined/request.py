"""A request to the joined URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types import PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Scope

from resource_service.joined.sections import Section
from resource_service.joined.sessions import JoinedSession
from resource_service.messages.jsonrpc import object_in
from resource_service.principal import Principal
from shared.asgi import header_values


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedRequest:
    """A request of a principal.

    Attributes:
        message: its only message; empty for a request without a body.
        sections: the mounts that the token is for, with the principal at each, in the order of the settings.
        session: None in revision 2026-07-28, and for `initialize`.
    """

    scope: Scope
    principal: Principal
    message: Mapping[str, Any]
    sections: Mapping[Section, Principal]
    session: JoinedSession | None

    @property
    def method(self) -> str:
        """The method of the message; empty for a response."""
        method = self.message.get("method")
        return method if isinstance(method, str) else ""

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters of the message."""
        return object_in(self.message, "params")

    @property
    def meta(self) -> Mapping[str, Any]:
        """The ``_meta`` of the message."""
        return object_in(self.params, "_meta")

    def section(self, mount: str) -> Section | None:
        """Return the section with that name, if the token is for it."""
        return next((section for section in self.sections if section.name == mount), None)


def is_modern(scope: Scope, message: Mapping[str, Any]) -> bool:
    """Check whether a message is of a revision without sessions; header and body agree (`check_headers`)."""
    stated = object_in(object_in(message, "params"), "_meta").get(PROTOCOL_VERSION_META_KEY)
    version = next(iter(header_values(scope, "mcp-protocol-version")), stated)
    return version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS
