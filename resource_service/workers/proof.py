"""The proof that the receiver at the URL of a replica is one, before it gets tokens."""

from __future__ import annotations

import hmac
import re
import secrets

from shared import base64url
from shared.http1 import BrokenOffError, Connection, Request

PATH = "/doorward-replica-proof"
MAX_BYTES = 64

_NONCE = re.compile(r"[0-9a-f]{32}\Z")


def proof(key: bytes, url: str, nonce: str) -> str | None:
    """Return what only a replica with `key` at `url` answers to `nonce`; None if that is malformed.

    Anybody may ask for it. It names the URL, so that nobody at another one can pass it off as his own.
    """
    if not _NONCE.match(nonce):
        return None
    return base64url.encode(hmac.digest(key, f"proof {nonce} {url}".encode("utf-8", "replace"), "sha256"))


async def demand_proof(connection: Connection, key: bytes, url: str, *, within_s: float) -> None:
    """Let the receiver of a new connection prove that it is the replica at `url`.

    Raises:
        BrokenOffError, SilentError: it does not.
    """
    nonce = secrets.token_hex(16)
    host = url.partition("://")[2].encode("ascii")
    request = Request(b"GET", f"{PATH}?{nonce}".encode("ascii"), [(b"host", host)])
    response = await connection.exchange(request.serialize(), write_within_s=within_s, silence_s=within_s)
    body = b""
    async for chunk in response:
        body += chunk
        if len(body) > MAX_BYTES:
            break
    expected = (proof(key, url, nonce) or "").encode("ascii")
    if response.status != 200 or not hmac.compare_digest(body, expected) or not connection.is_reusable:
        raise BrokenOffError("the receiver does not prove that it is a replica with the same secret")
    connection.rest()
