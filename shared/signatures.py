"""Signatures of others, verified without keeping the event loop from its work."""

from __future__ import annotations

from collections.abc import Sequence

from shared.fair_queue import FairQueue
from shared.jose import Claims, UnverifiedJws, candidates, verify
from shared.public_keys import Jwk, is_slow


class Signatures:
    """Verifies: at once where that takes no time, else on a thread, in turn with others.

    Check what a token claims before, as far as that costs nothing: most that is wrong is wrong there too.
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
        """The claims of a JWS that one of `keys` signed; see `shared.jose.verify`.

        Args:
            source: who waits behind himself, where it takes long.

        Raises:
            InvalidJwsError: none did.
            QueueFullError: too many others are verified right now.
        """
        tried = candidates(token, keys, algorithms=algorithms, types=types)
        if not any(map(is_slow, tried)):
            return verify(token, tried, algorithms=algorithms, types=types)
        return await self._queue.run(source, verify, token, tried, algorithms=algorithms, types=types)
