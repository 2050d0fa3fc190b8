"""The device requests in the store, found by device code or by user code."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol import device
from auth_service.protocol.device import DeviceRequest
from auth_service.protocol.errors import OAuthError
from auth_service.storage import keys
from auth_service.users.sessions import Session
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec


@dataclass(frozen=True, slots=True)
class UserCode:
    """The entry from a user code to its request, which is named by the digest of the device code."""

    device: str


class DeviceRequestRepository:
    """The device requests in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._requests = Collection(store, keys.device, JsonCodec(DeviceRequest), lambda _: device.TTL_S + 60)
        self._codes = Collection(store, keys.user_code, JsonCodec(UserCode), lambda _: device.TTL_S)

    async def begin(
        self, client_id: str, scopes: tuple[str, ...], resource: str | None
    ) -> tuple[str, DeviceRequest]:
        """Store a new request; return its device code and the request."""
        device_code = new_secret("dw_dc_")
        while True:
            user_code = _new_user_code()
            if await self._codes.create(user_code, UserCode(digest(device_code))):
                break
        expires_at = int(self._clock()) + device.TTL_S
        request = DeviceRequest(
            client_id=client_id, scopes=scopes, user_code=user_code, expires_at=expires_at, resource=resource
        )
        await self._requests.create(digest(device_code), request)
        return device_code, request

    async def by_user_code(self, typed: str) -> tuple[str, DeviceRequest] | None:
        """Return the name of the pending request with this user code, and the request."""
        entry = await self._codes.get(device.canonical_user_code(typed))
        request = await self._requests.get(entry.device) if entry else None
        if (
            entry is None
            or request is None
            or request.state != "pending"
            or self._clock() >= request.expires_at
        ):
            return None
        return entry.device, request

    async def approve(self, name: str, session: Session, scopes: tuple[str, ...]) -> bool:
        """Record that the person of `session` granted `scopes`; return False if it is too late."""
        return await self._decide(
            name,
            state="approved",
            scopes=scopes,
            subject=session.subject,
            username=session.username,
            session_id=session.session_id,
            auth_time=session.auth_time,
            session_key=session.key,
            acr=session.owner.acr,
            provider_id=session.provider_id,
            amr=session.amr,
            source=session.source,
        )

    async def deny(self, name: str) -> bool:
        """Record that the person refused; return False if it is too late."""
        return await self._decide(name, state="denied")

    async def _decide(self, name: str, **decision: object) -> bool:
        now = int(self._clock())
        counted = await self._requests.update(
            name,
            lambda request: device.decide(request, replace(request, **decision), now),  # type: ignore[arg-type]
        )
        return bool(counted)

    async def poll(
        self, device_code: str, client_id: str, now: int, before: Callable[[DeviceRequest], Awaitable[None]]
    ) -> DeviceRequest | OAuthError | None:
        """Answer a device's poll; return None if the device code is unknown.

        Args:
            before: awaited with the request before each attempt to record that it is redeemed; if it raises,
                it is not.
        """

        async def before_redeemed(request: DeviceRequest) -> None:
            if request.state == "redeemed":
                await before(request)

        return await self._requests.update(
            digest(device_code), lambda request: device.poll(request, client_id, now), before=before_redeemed
        )

    async def withdraw(self, device_code: str) -> None:
        """Deny a request whose approval ended before the device could use it."""
        await self._requests.update(digest(device_code), device.withdraw)


def _new_user_code() -> str:
    return "".join(secrets.choice(device.USER_CODE_ALPHABET) for _ in range(device.USER_CODE_LENGTH))
