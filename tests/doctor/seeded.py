"""Every misconfiguration that the doctor must find."""

from __future__ import annotations

from tests.doctor import (
    seeded_documents,
    seeded_login,
    seeded_mcp_server,
    seeded_resource_metadata,
    seeded_server_metadata,
    seeded_store,
    seeded_support,
)

SEEDED = (
    *seeded_mcp_server.SEEDED,
    *seeded_resource_metadata.SEEDED,
    *seeded_server_metadata.SEEDED,
    *seeded_support.SEEDED,
    *seeded_documents.SEEDED,
    *seeded_login.SEEDED,
    *seeded_store.SEEDED,
)
