"""The `_meta` member that revision 2026-07-28 wants in every request."""

from __future__ import annotations

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
