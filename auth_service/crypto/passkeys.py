"""The relying party of passkeys (Web Authentication, Level 2), and its challenges."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.parse_client_data_json import parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from auth_service.crypto.keyring import KeyRing, Tagger
from auth_service.crypto.secrets import digest, new_id
from shared import base64url
from shared.clock import Clock
from shared.json_text import parse_json
from shared.uris import serialize_origin, split_absolute

CHALLENGE_S = 600
MAX_CREDENTIAL = 32_768
TIMEOUT_MS = 120_000
_RESIDENT = {True: ResidentKeyRequirement.REQUIRED, False: ResidentKeyRequirement.PREFERRED}
_VERIFIED = {True: UserVerificationRequirement.REQUIRED, False: UserVerificationRequirement.PREFERRED}


class PasskeyError(Exception):
    """A response of an authenticator is not valid here; the message is for the log."""


class Challenges:
    """Challenges that this server alone can make, each for one purpose in one browser; stores nothing.

    Whether one was used is for the caller to record.
    """

    def __init__(self, keyring: KeyRing, clock: Clock) -> None:
        self._tagger = Tagger(keyring, "passkey challenges")
        self._clock = clock

    def issue(self, purpose: str, browser_secret: str) -> bytes:
        """Return a challenge for `purpose`, valid for `CHALLENGE_S`."""
        named = f"{new_id()}.{int(self._clock()) + CHALLENGE_S}"
        return f"{named}.{self._tagger.tag(_text(named, purpose, browser_secret))}".encode()

    def check(self, challenge: bytes, purpose: str, browser_secret: str) -> None:
        """Check a challenge.

        Raises:
            PasskeyError: it was not issued here for this purpose and browser, or has expired.
        """
        named, _, tag = challenge.decode("latin-1").rpartition(".")
        if not self._tagger.is_tag(_text(named, purpose, browser_secret), tag):
            raise PasskeyError("the challenge was not issued for this purpose and browser")
        if self._clock() >= int(named.rpartition(".")[2]):
            raise PasskeyError("the challenge has expired")


def _text(named: str, purpose: str, browser_secret: str) -> str:
    return json.dumps([named, purpose, digest(browser_secret)])


@dataclass(frozen=True, slots=True)
class Response:
    """The JSON response of an authenticator, unverified."""

    unverified: dict[str, Any]
    credential_id: str
    challenge: bytes
    user_handle: str | None


def parse_response(text: str) -> Response:
    """Parse the response of an authenticator.

    Raises:
        PasskeyError: it is malformed, or comes from a frame in a page of another site.
    """
    try:
        if len(text) > MAX_CREDENTIAL:
            raise ValueError("too long")
        credential: Any = parse_json(text)
        response = credential["response"]
        client_data = parse_client_data_json(base64url.decode(response["clientDataJSON"]))
        handle = response.get("userHandle")
        user_handle = base64url.decode(handle).decode() if handle else None
        credential_id = str(credential["id"])
    except (WebAuthnException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PasskeyError("the response is malformed") from error
    if client_data.cross_origin:
        raise PasskeyError("the response comes from a frame in a page of another site")
    return Response(credential, credential_id, client_data.challenge, user_handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """A credential that an authenticator has created: what the account stores of it."""

    credential_id: str
    public_key: str
    sign_count: int


class RelyingParty:
    """Creates the options for browsers, and verifies responses to them.

    Args:
        issuer: its host is the RP id; its origin the only one accepted (WebAuthn §7.1, §7.2).
        name: what browsers show to people.
    """

    def __init__(self, issuer: str, name: str) -> None:
        self._name = name
        parts = split_absolute(issuer)
        self._rp_id = parts.hostname or ""
        self._origin = serialize_origin(parts)

    @property
    def possible(self) -> bool:
        """Whether the issuer has a domain name: an IP address cannot be an RP id (WebAuthn §5.1.2)."""
        try:
            ipaddress.ip_address(self._rp_id)
        except ValueError:
            return True
        return False

    def creation_options(
        self, challenge: bytes, *, subject: str, username: str, existing: Iterable[str], alone: bool = False
    ) -> str:
        """Return the options for `navigator.credentials.create` as JSON.

        Args:
            alone: whether the passkey must be able to log in by itself.
        """
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=self._name,
            # The subject is opaque and the account's own: discoverable credentials return it at a login.
            user_id=subject.encode(),
            user_name=username,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            exclude_credentials=_descriptors(existing),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=_RESIDENT[alone],
                user_verification=_VERIFIED[alone],
            ),
        )
        return webauthn.options_to_json(options)

    def request_options(self, challenge: bytes, *, allowed: Iterable[str] = (), alone: bool) -> str:
        """Return the options for `navigator.credentials.get` as JSON.

        Args:
            allowed: the passkeys of the account; empty for any that the authenticator can find by itself.
            alone: whether the passkey is the only factor.
        """
        options = webauthn.generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=_descriptors(allowed),
            user_verification=_VERIFIED[alone],
        )
        return webauthn.options_to_json(options)

    def verify_created(self, response: Response, *, alone: bool = False) -> NewCredential:
        """Verify the response to `creation_options`, whose challenge the caller has checked.

        Args:
            alone: whether the authenticator must have verified the person, as a login by itself requires.

        Raises:
            PasskeyError: the response is not valid here.
        """
        try:
            verified = webauthn.verify_registration_response(
                credential=response.unverified,
                expected_challenge=response.challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                require_user_verification=alone,
            )
        except (WebAuthnException, ValueError, TypeError) as error:
            raise PasskeyError(str(error)) from error
        return NewCredential(
            credential_id=base64url.encode(verified.credential_id),
            public_key=base64url.encode(verified.credential_public_key),
            sign_count=verified.sign_count,
        )

    def verify_asserted(self, response: Response, public_key: str, *, alone: bool) -> int:
        """Verify the response to `request_options`; return the signature counter, which is not checked here.

        Args:
            alone: whether it is the only factor, so that the authenticator must have verified the person.

        Raises:
            PasskeyError: the response is not valid here.
        """
        try:
            verified = webauthn.verify_authentication_response(
                credential=response.unverified,
                expected_challenge=response.challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                credential_public_key=base64url.decode(public_key),
                credential_current_sign_count=0,
                require_user_verification=alone,
            )
        except (WebAuthnException, ValueError, TypeError) as error:
            raise PasskeyError(str(error)) from error
        return verified.new_sign_count


def _descriptors(credential_ids: Iterable[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url.decode(each)) for each in credential_ids]
