"""The public keys of the issuer (RFC 7517), and verification of its signatures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2

from shared.clock import Clock
from shared.http_exchange import NoAnswerError, exchange
from shared.jose import Claims, UnverifiedJws, parse, verify
from shared.json_text import parse_json
from shared.public_keys import Jwk

JWKS_PATH = "/jwks"
KEPT_S = 300
"""How long a key is trusted after it was last seen published, even if it is withdrawn."""

REFETCH_S = 5
"""How long after a fetch an unknown key id triggers another one; invented key ids cause no more fetches."""

RETRY_S = 1
"""The minimum time between a failed fetch and the next."""

MAX_BYTES = 65_536
NEVER = float("-inf")


class KeysUnavailableError(Exception):
    """The keys cannot be fetched, so no conclusion about a signature is possible. The message says why."""


class IssuerKeys:
    """Verifies the issuer's signatures, with keys no older than `KEPT_S`.

    Args:
        url: the URL of the key set.
        timeout_s: for one fetch.
        steady_clock: a monotonic clock in seconds.
    """

    def __init__(self, http: httpx2.AsyncClient, url: str, *, timeout_s: float, steady_clock: Clock) -> None:
        self._http = http
        self._url = url
        self._timeout_s = timeout_s
        self._clock = steady_clock
        self._keys: tuple[Jwk, ...] = ()
        self._fetched_at = NEVER
        self._failed_at = NEVER
        self._failure = ""
        self._fetching = asyncio.Lock()

    async def verify_jws(self, text: str, *, typ: str, algorithms: Sequence[str]) -> Claims:
        """Verify a compact JWS of the issuer and return its claims.

        Args:
            typ: the only accepted `typ` header, lower case and without ``application/``.
            algorithms: the only accepted algorithms.

        Raises:
            InvalidJwsError: the JWS is not validly signed by the issuer.
            KeysUnavailableError: the keys cannot be fetched, so the signature cannot be checked.
        """
        token = parse(text)
        if self._clock() - self._fetched_at >= (KEPT_S if self._names_a_known_key(token) else REFETCH_S):
            await self._fetch()
        return verify(token, self._keys, algorithms=algorithms, types=(typ,))

    def _names_a_known_key(self, token: UnverifiedJws) -> bool:
        kid = token.header.get("kid")
        return kid is not None and any(key.get("kid") == kid for key in self._keys)

    async def _fetch(self) -> None:
        fetched_at = self._fetched_at
        async with self._fetching:
            if self._fetched_at != fetched_at:
                return  # another caller has fetched the keys in the meantime
            started = self._clock()
            if started - self._failed_at < RETRY_S:
                raise KeysUnavailableError(self._failure)
            try:
                self._keys, self._fetched_at = await self._published(), started
            except KeysUnavailableError as error:
                self._failed_at, self._failure = self._clock(), str(error)
                raise

    async def _published(self) -> tuple[Jwk, ...]:
        try:
            answer = await exchange(
                self._http,
                self._http.build_request("GET", self._url, headers={"Accept": "application/json"}),
                timeout_s=self._timeout_s,
                max_bytes=MAX_BYTES,
                repeatable=True,
            )
        except NoAnswerError as error:
            raise KeysUnavailableError(f"the keys of the issuer: {error}") from error
        if answer.status != 200:
            raise KeysUnavailableError(f"the keys of the issuer: status {answer.status}")
        return _key_set(answer.body)


def _key_set(body: bytes) -> tuple[Jwk, ...]:
    try:
        document: Any = parse_json(body)
        keys = document["keys"]
    except (ValueError, TypeError, KeyError) as error:
        raise KeysUnavailableError("the keys of the issuer: not a key set") from error
    if not isinstance(keys, list):
        raise KeysUnavailableError("the keys of the issuer: not a key set")
    # RFC 7517 §5: unknown entries are ignored; `shared.jose` skips other kinds of key.
    return tuple(key for key in keys if isinstance(key, dict))
