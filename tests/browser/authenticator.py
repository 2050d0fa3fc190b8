"""The virtual authenticator of Chromium, for passkeys."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page


class Authenticator:
    """A virtual authenticator of a tab."""

    def __init__(self, page: Page, *, discoverable: bool, verifies: bool) -> None:
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": discoverable,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        added = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = added["authenticatorId"]

    @property
    def credential(self) -> dict[str, Any]:
        [credential] = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"]
        kept: dict[str, Any] = credential
        return kept

    def replace(self, credential: dict[str, Any]) -> None:
        """Put back a copy of a credential."""
        named = {"authenticatorId": self._id, "credentialId": credential["credentialId"]}
        self._cdp.send("WebAuthn.removeCredential", named)
        self._cdp.send("WebAuthn.addCredential", {"authenticatorId": self._id, "credential": credential})
