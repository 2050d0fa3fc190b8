"""The OpenAPI description of `/live`, `/ready` and `/health`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_service.web.route import answer

LIVE: Mapping[str, Any] = {
    "summary": "Liveness check",
    "description": "Answers as long as this process serves, also while the store does not answer.",
    "tags": ["Operation"],
    "responses": {"200": answer("The process answers.", {"status": "ok"})},
}
READY: Mapping[str, Any] = {
    "summary": "Readiness check",
    "description": "200 if the store answers and accepts writes, else 503. `warnings` lists problems of"
    " the settings, memory, replicas or clock of the store, without addresses. `/health` is the same.",
    "tags": ["Operation"],
    "responses": {"200": answer("The service is available.", {"status": "ok"})},
}
