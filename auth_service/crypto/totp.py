"""Secrets and codes of authenticator apps (RFC 6238), and recovery codes."""

from __future__ import annotations

import base64
import binascii
import hashlib

import pyotp
from pyotp.exceptions import OTPVerificationError

from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.crypto.secrets import digest
from shared import base64url

WINDOW_STEPS = 1
"""How far the clock of a phone may be off, in steps of 30 seconds (RFC 6238 §5.2)."""

RECOVERY_CODES = 10
_PURPOSE = "authenticator apps"
_CODE_BYTES = 10  # 80 bits: the digest of a stolen code cannot be reversed by trying all of them


def new_totp_secret() -> str:
    """Return a new secret of 160 bits in base32, as apps accept it."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, username: str, service: str) -> str:
    """Return the URI that a QR code shows to an app."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=service)


def step_of(secret: str, code: str, now: float) -> int | None:
    """Return the time step whose code was entered; None if the code is wrong."""
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=WINDOW_STEPS)
    except OTPVerificationError:
        return None


class SealedSecrets:
    """Encrypts the secrets of apps for the store, bound to their account."""

    def __init__(self, keyring: KeyRing) -> None:
        self._keyring = keyring

    def seal(self, subject: str, secret: str) -> str:
        """Encrypt `secret` under the newest master key."""
        return base64url.encode(self._keyring.seal(_purpose(subject), secret.encode()))

    def open(self, subject: str, sealed: str) -> str | None:
        """Decrypt a secret; None if it is not one of `subject`, or its master key was removed."""
        try:
            return self._keyring.open(_purpose(subject), base64url.decode(sealed)).decode()
        except (SealBrokenError, binascii.Error, ValueError):
            return None

    def is_newest(self, sealed: str) -> bool:
        """Whether a secret is encrypted under the newest master key."""
        return self._keyring.is_newest(base64url.decode(sealed))


def _purpose(subject: str) -> str:
    # A sealed secret that was copied into the document of another account must not open there.
    return f"{_PURPOSE} {subject}"


def recovery_codes(seed: str) -> tuple[str, ...]:
    """Derive the recovery codes from 256 random bits: a form posted twice shows the same codes."""
    return tuple(_recovery_code(f"{number} {seed}") for number in range(RECOVERY_CODES))


def _recovery_code(text: str) -> str:
    drawn = hashlib.sha256(f"recovery code {text}".encode()).digest()[:_CODE_BYTES]
    code = base64.b32encode(drawn).decode().lower()
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def recovery_digest(typed: str) -> str:
    """Return the digest to store of a recovery code, however it is typed."""
    return digest("".join(character for character in typed.lower() if character.isalnum()))
