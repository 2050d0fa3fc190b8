"""Answers of the authorization server about approvals of calls. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_MAX_URL = 2_000
_MAX_ID = 100


class MalformedApprovalError(ValueError):
    """The answer cannot be understood."""


class Status(StrEnum):
    """The state of an approval; a call runs only if it is used for this call."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An answer.

    Attributes:
        url: where the approver decides, while it is pending; `elicitation_id` likewise.
        expires_in: seconds.
    """

    status: Status
    url: str = field(default="", repr=False)
    elicitation_id: str = field(default="", repr=False)
    expires_in: int = 0


def approval_from_wire(document: object, issuer: str) -> Approval:
    """Parse an answer.

    Args:
        issuer: the URL of the authorization server, at which links must be.

    Raises:
        MalformedApprovalError: it cannot be understood.
    """
    members = document if isinstance(document, dict) else {}
    match members.get("status"):
        case "pending":
            return _pending(members, issuer)
        case "approved" | "denied" | "used" as status:
            return Approval(status=Status(status))
        case _:
            raise MalformedApprovalError("the status is not that of an approval")


def _pending(members: dict[str, Any], issuer: str) -> Approval:
    url, name, left = (members.get(each) for each in ("approve_url", "elicitation_id", "expires_in"))
    if not isinstance(url, str) or not url.startswith(f"{issuer}/") or len(url) > _MAX_URL:
        raise MalformedApprovalError("the link is not at the issuer")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID or not (name + url).isprintable():
        raise MalformedApprovalError("the link and its id are not short texts")
    if not isinstance(left, int) or isinstance(left, bool) or left < 0:
        raise MalformedApprovalError("expires_in is not a number of seconds")
    return Approval(status=Status.PENDING, url=url, elicitation_id=name, expires_in=left)
