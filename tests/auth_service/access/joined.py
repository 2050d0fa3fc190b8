"""A resource that joins two mounts, and the resources of these."""

from __future__ import annotations

from tests.auth_service.service import RESOURCE_SECRET

JOINED, NOTES, FILES = "https://mcp.example/all", "https://mcp.example/notes", "https://mcp.example/files"
RESOURCES: list[dict[str, object]] = [
    {
        "resource": JOINED,
        "name": "All",
        "joins": {"notes": NOTES, "files": FILES},
        "scopes": {"notes": "Notes", "notes:read": "Read", "files": "Files", "files:read": "Read"},
    },
    {"resource": NOTES, "name": "Notes", "scopes": {"read": "Read"}},
    {"resource": FILES, "name": "Files", "scopes": {"read": "Read"}},
]
SERVERS = [{"id": "resource", "secret": RESOURCE_SECRET, "resources": RESOURCES}]
