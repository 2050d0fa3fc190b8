"""The device authorization grant: a request made on one device, approved on another (RFC 8628)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from auth_service.protocol.errors import (
    AccessDeniedError,
    AuthorizationPendingError,
    ExpiredTokenError,
    InvalidGrantError,
    OAuthError,
    PollingTooFastError,
)
from auth_service.protocol.owner import Owner
from auth_service.protocol.reasons import Reason
from auth_service.protocol.request_source import RequestSource

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
TTL_S = 600
INTERVAL_S = 5
# RFC 8628 §6.1: no vowels, so that no words occur; no characters that look alike.
USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """A request to authorize a device. Times are seconds since 1970.

    Attributes:
        interval_s: how long the device must wait between polls.
        polled_at: the time of the last poll; 0 for never.
        session_key: the store's key of the approver's session; the request ends with that session.
        acr: how the approver logged in; None for a password.
        provider_id: the identity provider of that login; None for a password.
        amr: the methods of that login.
        source: the network and browser of the approver.
    """

    client_id: str
    scopes: tuple[str, ...]
    user_code: str
    expires_at: int
    state: Literal["pending", "approved", "denied", "redeemed"] = "pending"
    resource: str | None = None
    interval_s: int = INTERVAL_S
    polled_at: int = 0
    subject: str | None = None
    username: str | None = None
    session_id: str | None = None
    auth_time: int | None = None
    session_key: str | None = None
    acr: str | None = None
    provider_id: str | None = None
    amr: tuple[str, ...] = ()
    source: RequestSource | None = None

    @property
    def owner(self) -> Owner:
        """The person who approved the request.

        Raises:
            ValueError: the request is not approved.
        """
        if self.subject is None:
            raise ValueError("the request is not approved")
        return Owner(
            subject=self.subject,
            username=self.username,
            session_id=self.session_id,
            auth_time=self.auth_time,
            session_key=self.session_key,
            acr=self.acr,
            provider_id=self.provider_id,
            amr=self.amr,
            source=self.source,
        )


Outcome: TypeAlias = "tuple[DeviceRequest | None, DeviceRequest | OAuthError]"


def poll(request: DeviceRequest, client_id: str, now: int) -> Outcome:
    """Answer a poll; the first poll after the approval redeems the request (RFC 8628 §3.5)."""
    if request.client_id != client_id:
        return None, InvalidGrantError(
            Reason.DEVICE_CODE_OF_OTHER_CLIENT, "the device code was issued to another client"
        )
    if now >= request.expires_at:
        return None, ExpiredTokenError(Reason.DEVICE_CODE_EXPIRED, "the device code has expired")
    if request.state == "denied":
        return None, AccessDeniedError(Reason.ACCESS_DENIED, "the user denied access")
    if request.state == "redeemed":
        return None, InvalidGrantError(Reason.DEVICE_CODE_USED_TWICE, "the device code was used before")
    if request.state == "approved":
        redeemed = replace(request, state="redeemed")
        return redeemed, redeemed
    return _keep_waiting(request, now)


def _keep_waiting(request: DeviceRequest, now: int) -> Outcome:
    if now < request.polled_at + request.interval_s:
        slower = replace(request, polled_at=now, interval_s=request.interval_s + 5)
        return slower, PollingTooFastError(Reason.POLLING_TOO_FAST, f"poll every {slower.interval_s} seconds")
    return replace(request, polled_at=now), AuthorizationPendingError(
        Reason.AUTHORIZATION_PENDING, "the user has not decided yet"
    )


def decide(request: DeviceRequest, decided: DeviceRequest, now: int) -> tuple[DeviceRequest | None, bool]:
    """Record a decision, once; return whether it took effect."""
    if request.state != "pending" or now >= request.expires_at:
        return None, False
    return decided, True


def withdraw(request: DeviceRequest) -> tuple[DeviceRequest, None]:
    """Deny an approved request: the approval ended before the device could use it."""
    return replace(request, state="denied"), None


def canonical_user_code(typed: str) -> str:
    """Normalize a typed user code: remove what people may add or change (RFC 8628 §6.1)."""
    return "".join(c for c in typed.upper() if c in USER_CODE_ALPHABET)


def shown_user_code(user_code: str) -> str:
    """Format a user code in two halves, which are easier to read."""
    return f"{user_code[:4]}-{user_code[4:]}"
