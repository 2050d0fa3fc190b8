"""Verify signatures of other parties without blocking the event loop."""

from __future__ import annotations

from collections.abc import Sequence

from shared.fair_queue import FairQueue
from shared.jose import Claims, UnverifiedJws, candidates, verify
from shared.public_keys import Jwk, is_slow


class Signatures:
    """Verifies signatures: at once if that is fast, else on a worker thread, with fair queuing.

    Check the claims of a token first where that is cheap: most invalid tokens also have wrong claims.
    """

    def __init__(self, queue: FairQueue | None = None) -> None:
        self._queue = queue or FairQueue()

    async def verify_signature(
        self,
        token: UnverifiedJws,
        keys: Sequence[Jwk],
        *,
        algorithms: Sequence[str],
        types: Sequence[str | None],
        source: str,
    ) -> Claims:
        """Return the claims of a JWS signed by one of `keys`; see `shared.jose.verify`.

        Args:
            source: the source that the work counts for in the queue.

        Raises:
            InvalidJwsError: the JWS does not verify with any of the keys.
            QueueFullError: too many signatures are waiting to be verified.
        """
        tried = candidates(token, keys, algorithms=algorithms, types=types)
        if not any(map(is_slow, tried)):
            return verify(token, tried, algorithms=algorithms, types=types)
        return await self._queue.run(source, verify, token, tried, algorithms=algorithms, types=types)
