"""The OpenAPI description of `/admin/api` and of its metadata."""

from __future__ import annotations

from auth_service.endpoints.admin_api.descriptions.common import operation
from auth_service.web.route import Operation, answer

TAG = "Administration"

WHO = operation(
    TAG,
    "Read who is calling",
    {
        "200": answer(
            "The client, and the administrator for whom it acts, if any.",
            {
                "client_id": "s6BhdRkqt3",
                "username": "ada",
                "subject": "9SekZ4uE0686X6-Ya6q4_A",
                "authenticated_at": 1_780_000_000,
            },
        )
    },
)
METADATA: Operation = {
    "summary": "Metadata of the admin API (RFC 9728)",
    "tags": ["Discovery"],
    "responses": {"200": answer("The resource, its authorization server and its scope.")},
}
