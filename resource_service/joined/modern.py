"""Requests of revision 2026-07-28 that are refused for all mounts (MCP, "Versioning"). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request

from resource_service.gateway.older_revision import NOT_IN_NEWER
from resource_service.joined.errors import missing_method, unacceptable_envelope

_REMOVED = NOT_IN_NEWER | {"tasks/list", "tasks/result"}
"""Methods of earlier revisions. SEP-2663 has tasks without these two."""


def check_modern(message: Mapping[str, Any]) -> None:
    """Check what each request of the revision has: its method, and in ``_meta`` the version and capabilities.

    Its headers were checked before (`check_headers`).

    Raises:
        Refusal: the revision has no such method, the version is not supported, or a part is missing.
    """
    method = message.get("method")
    if method in _REMOVED:
        raise missing_method(str(method))
    rejection = classify_inbound_request(message)
    if isinstance(rejection, InboundLadderRejection):
        raise unacceptable_envelope(rejection.code, rejection.message, rejection.data)
