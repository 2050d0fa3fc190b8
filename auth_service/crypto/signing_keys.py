"""The signing keys: generated on demand, rotated on schedule, sealed at rest, shared by all replicas."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
from anyio import to_thread
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.secrets import new_id
from auth_service.protocol import key_rotation
from auth_service.protocol.key_rotation import Schedule
from auth_service.storage import keys as store_keys
from shared.clock import Clock
from shared.jose import Claims, SigningKey, UnverifiedJws, public_jwk, sign, verify
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

_PURPOSE = "signing keys"
_RSA_BITS = 2_048


@dataclass(frozen=True, slots=True)
class DatedSigningKey:
    """A private key with the time from which it signs (seconds since 1970)."""

    kid: str
    alg: str
    pem: str
    active_from: int

    @property
    def bare(self) -> SigningKey:
        """The key without its start time."""
        return SigningKey(self.kid, self.alg, self.pem)


KeySet = tuple[DatedSigningKey, ...]


@dataclass(frozen=True, slots=True)
class SigningKeySet:
    """All signing keys, as one document in the store."""

    keys: KeySet


_codec = JsonCodec(SigningKeySet)


class SigningKeys:
    """Signs with the current key of an algorithm; publishes every key that may still be needed."""

    def __init__(self, store: Store, keys: KeyRing, schedule: Schedule, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._schedule = schedule
        self._clock = clock
        self._loaded: KeySet = ()
        self._loaded_at = -1.0
        self._needed: KeySet = ()
        self._jwks: dict[str, list[dict[str, str]]] = {"keys": []}
        self._lock = anyio.Lock()

    async def prepare(self) -> None:
        """Read or generate the keys, sealed under the newest master key so that older ones can be dropped.

        Raises:
            SealBrokenError: the master key that sealed them is not configured.
        """
        async with self._lock:
            await self._change([])
            while not await self._sealed_again():
                pass  # another process has changed the keys

    async def _sealed_again(self) -> bool:
        key = store_keys.signing_keys()
        sealed = await self._store.get(key)
        if sealed is None or self._keys.is_newest(sealed):
            return True
        newly = self._keys.seal(_PURPOSE, self._keys.open(_PURPOSE, sealed))
        return await self._store.replace(key, sealed, newly, ttl_s=None)

    async def sign(
        self, claims: Claims, *, typ: str = "JWT", alg: str = "RS256", at: float | None = None
    ) -> str:
        """Sign `claims` as a compact JWS with the key current at `at` (seconds since 1970; None: now)."""
        moment = self._clock() if at is None else at
        key = key_rotation.signing_key(await self._current(), alg, moment)
        return await to_thread.run_sync(sign, claims, key.bare, typ)

    async def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set to publish (RFC 7517 §5): the previous, current and next keys."""
        return self._published(await self._current())

    def loaded_jwks(self) -> dict[str, list[dict[str, str]]] | None:
        """Return the same without waiting; None if the keys have to be read from the store first."""
        return None if self._is_stale() else self._published(self._loaded)

    def _published(self, keys: KeySet) -> dict[str, list[dict[str, str]]]:
        needed = tuple(key_rotation.still_needed(keys, self._schedule, self._clock()))
        if needed != self._needed:
            self._needed, self._jwks = needed, {"keys": [public_jwk(key.bare) for key in needed]}
        return self._jwks

    async def verify_own_jws(self, token: UnverifiedJws, typ: str) -> Claims:
        """Verify a JWS that this server signed, and return its claims.

        Raises:
            InvalidJwsError: this server did not sign it.
        """
        published = (await self.jwks())["keys"]
        return verify(token, published, algorithms=key_rotation.ALGORITHMS, types=(typ,))

    async def rotate(self) -> None:
        """Generate the next key of every algorithm now, regardless of the schedule."""
        async with self._lock:
            await self._change(list(key_rotation.ALGORITHMS))

    async def _current(self) -> KeySet:
        if self._is_stale():
            async with self._lock:
                if self._is_stale():
                    await self._change([])
        return self._loaded

    def _is_stale(self) -> bool:
        return not self._loaded or self._clock() >= self._loaded_at + key_rotation.RELOAD_S

    async def _change(self, wanted: list[str]) -> None:
        """Read the keys and add those that are wanted or due. One replica adds them; all replicas agree."""
        key = store_keys.signing_keys()
        while True:
            sealed, now = await self._store.get(key), int(self._clock())
            keys = self._opened(sealed) if sealed else ()
            missing = sorted({*wanted, *key_rotation.due(keys, self._schedule, now)})
            if not missing:
                break
            changed = (
                *key_rotation.still_needed(keys, self._schedule, now),
                *await self._made(keys, missing, now),
            )
            if await self._write(key, sealed, self._sealed(changed)):
                keys = changed
                break
            wanted = []  # another process was faster: use its keys
        self._loaded, self._loaded_at = keys, self._clock()

    async def _made(self, keys: KeySet, algorithms: list[str], now: int) -> list[DatedSigningKey]:
        return [
            DatedSigningKey(
                new_id(),
                alg,
                await to_thread.run_sync(_new_pem, alg),
                key_rotation.takes_over_at(keys, alg, self._schedule, now),
            )
            for alg in algorithms
        ]

    async def _write(self, key: str, old: bytes | None, new: bytes) -> bool:
        if old is None:
            return await self._store.create(key, new, ttl_s=None)
        return await self._store.replace(key, old, new, ttl_s=None)

    def _sealed(self, keys: KeySet) -> bytes:
        return self._keys.seal(_PURPOSE, _codec.encode(SigningKeySet(keys)))

    def _opened(self, sealed: bytes) -> KeySet:
        opened = self._keys.open(_PURPOSE, sealed)
        if opened.startswith(b"["):  # the format before documents had versions
            opened = b'{"keys":%b}' % opened
        return _codec.decode(opened).keys


def _new_pem(alg: str) -> str:
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if alg == "ES256":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        private = rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
