"""Ids of tasks, bound to the principal that created them. Pure.

An MCP server behind the gateway may know nobody, so that an id is all that protects a task (SEP-2663).
Clients therefore get ids with a tag of this service, which depends on the principal. Nothing is stored, so
that every process with the same secret accepts them, and no number of tasks fills a memory.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field

from resource_service.principal import PrincipalKey
from shared import base64url

_TAG_BYTES = 16
_PURPOSE = b"doorward task ids"


@dataclass(frozen=True, slots=True)
class TaskIds:
    """Adds tags to the task ids of one resource, and checks them.

    Attributes:
        resource: the URL of the resource.
        key: 32 bytes, the same in all processes.
    """

    resource: str
    key: bytes = field(repr=False)

    @classmethod
    def from_secret(cls, resource: str, secret: str) -> TaskIds:
        """Derive the key from the secret of the resource service."""
        return cls(resource, hmac.digest(secret.encode(), _PURPOSE, "sha256"))

    def bound(self, task_id: str, owner: PrincipalKey) -> str:
        """Return the id for the client of `owner`: a tag, a dot, and the id of the MCP server."""
        return f"{self._tag(task_id, owner)}.{task_id}"

    def opened(self, bound_id: object, owner: PrincipalKey) -> str | None:
        """Return the MCP server's id; None if `bound_id` was not issued to `owner` for this resource."""
        if not isinstance(bound_id, str):
            return None
        tag, _, task_id = bound_id.partition(".")
        expected = self._tag(task_id, owner).encode()
        return task_id if hmac.compare_digest(expected, tag.encode("utf-8", "surrogatepass")) else None

    def _tag(self, task_id: str, owner: PrincipalKey) -> str:
        text = json.dumps([self.resource, *owner, task_id]).encode()
        return base64url.encode(hmac.digest(self.key, text, "sha256")[:_TAG_BYTES])
