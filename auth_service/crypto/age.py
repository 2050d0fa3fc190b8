"""Files encrypted in the age format (https://age-encryption.org/v1), to a passphrase or public keys.

The content is encrypted in chunks of 64 KiB as it is written, and each chunk is authenticated before it is
read. The last one is marked, so a file that was cut off does not end like a whole one. Other programs for the
format, such as `age` and `rage`, read the files too.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from auth_service.crypto import bech32
from auth_service.crypto.age_header import DamagedFileError, Header, Stanza, read_header

CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
_NONCE_BYTES = 16
_KEY_NONCE = bytes(12)
"""For wrapping a file key: the wrapping key is used once."""

_X25519 = "X25519"
_SCRYPT = "scrypt"
_SCRYPT_LABEL = b"age-encryption.org/v1/scrypt"
SCRYPT_LOG_N = 17
"""Takes 128 MB and less than a second."""
MAX_SCRYPT_LOG_N = 20


class WrongKeyError(Exception):
    """The file is not encrypted to this key or passphrase."""


class Recipient(Protocol):
    """Encrypts to a passphrase or a public key."""

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the key of a file."""
        ...


class Identity(Protocol):
    """Decrypts with a passphrase or a private key."""

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the key of the file; None if the stanza is for another recipient."""
        ...


@dataclass(frozen=True)
class Passphrase:
    """A passphrase, stretched with scrypt (RFC 7914)."""

    text: str = field(repr=False)

    def wrap(self, file_key: bytes) -> Stanza:
        salt = os.urandom(16)
        key = self._key(salt, SCRYPT_LOG_N)
        wrapped = ChaCha20Poly1305(key).encrypt(_KEY_NONCE, file_key, None)
        return Stanza(_SCRYPT, (Stanza.text_of(salt), str(SCRYPT_LOG_N)), wrapped)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.kind != _SCRYPT:
            return None
        salt, log_n = stanza.arguments
        # The cost comes from the file: a foreign one must not use up the memory.
        if not log_n.isdecimal() or not 0 < int(log_n) <= MAX_SCRYPT_LOG_N:
            raise DamagedFileError(f"scrypt with 2^{log_n[:9]} rounds is not supported")
        return _unwrapped(self._key(Stanza.bytes_of(salt), int(log_n)), stanza.body)

    def _key(self, salt: bytes, log_n: int) -> bytes:
        scrypt = Scrypt(salt=_SCRYPT_LABEL + salt, length=32, n=1 << log_n, r=8, p=1)
        return scrypt.derive(self.text.encode())


@dataclass(frozen=True)
class PublicKey:
    """A public key, ``age1…``: who has only that cannot decrypt."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Raises ValueError if `text` is not a public key."""
        return cls(_key_of(text, "age"))

    def __str__(self) -> str:
        return bech32.encode("age", self.raw)

    def wrap(self, file_key: bytes) -> Stanza:
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.raw))
        key = _wrapping_key(shared, share + self.raw)
        return Stanza(
            _X25519, (Stanza.text_of(share),), ChaCha20Poly1305(key).encrypt(_KEY_NONCE, file_key, None)
        )


@dataclass(frozen=True)
class PrivateKey:
    """A private key, ``AGE-SECRET-KEY-1…``."""

    raw: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> PrivateKey:
        """Create a key."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> PrivateKey:
        """Raises ValueError if `text` is not a private key."""
        return cls(_key_of(text, "age-secret-key-"))

    def secret_text(self) -> str:
        """Return the key as text."""
        return bech32.encode("age-secret-key-", self.raw).upper()

    def public_key(self) -> PublicKey:
        """Return the key to encrypt to."""
        return PublicKey(X25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())

    def unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.kind != _X25519:
            return None
        share = Stanza.bytes_of(*stanza.arguments)
        try:
            shared = X25519PrivateKey.from_private_bytes(self.raw).exchange(
                X25519PublicKey.from_public_bytes(share)
            )
        except ValueError as error:  # a share of low order
            raise DamagedFileError("the header is damaged") from error
        return _unwrapped(_wrapping_key(shared, share + self.public_key().raw), stanza.body)


class Encryptor:
    """Encrypts what is written to it into `file`. Without `finish`, the file counts as cut off."""

    def __init__(self, file: BinaryIO, recipients: Sequence[Recipient]) -> None:
        file_key, nonce = os.urandom(16), os.urandom(_NONCE_BYTES)
        header = Header(tuple(recipient.wrap(file_key) for recipient in recipients))
        file.write(header.signed(_hkdf(file_key, b"", b"header")) + nonce)
        self._file = file
        self._payload = _Payload(_hkdf(file_key, nonce, b"payload"))
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Encrypt `data`."""
        self._waiting += data
        # The last chunk must not be empty: a full one is kept back until more follows.
        while len(self._waiting) > CHUNK_BYTES:
            self._file.write(self._payload.encrypt(bytes(self._waiting[:CHUNK_BYTES]), last=False))
            del self._waiting[:CHUNK_BYTES]

    def finish(self) -> None:
        """Write the last chunk."""
        self._file.write(self._payload.encrypt(bytes(self._waiting), last=True))


def decrypted(file: BinaryIO, identity: Identity) -> Iterator[bytes]:
    """Iterate over the authenticated chunks of an encrypted file.

    Raises:
        WrongKeyError: it is encrypted to another key or passphrase.
        DamagedFileError: it is not in the format, was changed or cut off. Chunks before that were authentic.
    """
    header, signed = read_header(file)
    file_key = _file_key(header, identity)
    if not hmac.compare_digest(
        signed.mac, hmac.digest(_hkdf(file_key, b"", b"header"), signed.text, "sha256")
    ):
        raise DamagedFileError("the header was changed")
    nonce = file.read(_NONCE_BYTES)
    payload = _Payload(_hkdf(file_key, nonce, b"payload"))
    chunk = file.read(CHUNK_BYTES + _TAG_BYTES)
    while True:
        following = file.read(CHUNK_BYTES + _TAG_BYTES)
        yield payload.decrypt(chunk, last=not following)
        if not following:
            return
        chunk = following


class _Payload:
    """STREAM (Hoang, Reyhanitabar, Rogaway and Vizár 2015): a nonce counts the chunks and marks the last."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._number = 0

    def encrypt(self, chunk: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), chunk, None)

    def decrypt(self, chunk: bytes, *, last: bool) -> bytes:
        number = self._number
        try:
            plain = self._cipher.decrypt(self._nonce(last=last), chunk, None)
        except (InvalidTag, ValueError) as error:
            raise DamagedFileError(f"the file was changed or cut off, at chunk {number + 1}") from error
        if last and number and not plain:
            raise DamagedFileError("the last chunk is empty")
        return plain

    def _nonce(self, *, last: bool) -> bytes:
        nonce = self._number.to_bytes(11) + bytes([last])
        self._number += 1
        return nonce


def _file_key(header: Header, identity: Identity) -> bytes:
    # A passphrase stands alone: beside another recipient, the file would not be authenticated by it.
    if len(header.stanzas) > 1 and any(stanza.kind == _SCRYPT for stanza in header.stanzas):
        raise DamagedFileError("the header has a passphrase beside other recipients")
    for stanza in header.stanzas:
        try:
            key = identity.unwrap(stanza)
        except ValueError as error:
            raise DamagedFileError("the header is damaged") from error
        if key is not None:
            return key
    raise WrongKeyError("the file is encrypted to another key or passphrase")


def _unwrapped(key: bytes, wrapped: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(_KEY_NONCE, wrapped, None)
    except InvalidTag:
        return None


def _wrapping_key(shared: bytes, salt: bytes) -> bytes:
    return _hkdf(shared, salt, b"age-encryption.org/v1/X25519")


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=salt, info=info).derive(key)


def _key_of(text: str, prefix: str) -> bytes:
    actual_prefix, raw = bech32.decode(text.strip())
    if actual_prefix != prefix or len(raw) != 32:
        raise ValueError("it is not such a key")
    return raw
