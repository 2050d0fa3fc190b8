"""Key pairs for encrypted files, as text that `age` and `age-keygen` read and write.

The file with a private key, an identity file, may itself be encrypted with a passphrase.
"""

from __future__ import annotations

from pyrage import DecryptError, IdentityError, RecipientError, passphrase
from pyrage.x25519 import Identity, Recipient

__all__ = ["Identity", "Recipient"]

_ENCRYPTED = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")


class WrongPassphraseError(Exception):
    """The passphrase is wrong, or the identity file damaged."""


def new_identity_file() -> tuple[str, str]:
    """Create a key pair; returns the text of the identity file, and the public key."""
    identity = Identity.generate()
    public = str(identity.to_public())
    return f"# public key: {public}\n{identity}\n", public


def parse_recipients(text: str) -> list[Recipient]:
    """Return the public keys, one a line, without comments and empty lines.

    Raises:
        ValueError: there is none, or a line is not a public key of the form ``age1…``.
    """
    try:
        recipients = [Recipient.from_str(line) for line in _lines(text)]
    except RecipientError as error:
        raise ValueError(str(error)) from error
    if not recipients:
        raise ValueError("there is none")
    return recipients


def parse_identities(text: str) -> list[Identity]:
    """Return the private keys in the text of an identity file.

    Raises:
        ValueError: there is none, or a line is not a private key.
    """
    try:
        identities = [Identity.from_str(line) for line in _lines(text)]
    except IdentityError:
        # The reason might quote a part of the key.
        raise ValueError("a line is not a private key") from None
    if not identities:
        raise ValueError("there is none")
    return identities


def is_encrypted(identity_file: bytes) -> bool:
    """Whether an identity file is encrypted with a passphrase."""
    return identity_file.startswith(_ENCRYPTED)


def encrypt_identity_file(text: str, words: str) -> bytes:
    """Encrypt an identity file with a passphrase. Takes about a second, like the decryption."""
    return passphrase.encrypt(text.encode(), words)


def decrypt_identity_file(encrypted: bytes, words: str) -> str:
    """Return the text of an encrypted identity file.

    Raises:
        WrongPassphraseError: it cannot be decrypted with this passphrase.
    """
    try:
        return passphrase.decrypt(encrypted, words).decode()
    except (DecryptError, UnicodeDecodeError, OSError) as error:
        raise WrongPassphraseError from error


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
