"""Between the subject by which this server knows a user, and the one by which a client does (AS-17)."""

from __future__ import annotations

from auth_service.crypto.pseudonyms import Pseudonyms
from auth_service.protocol.subjects import KnownAs

_SUBJECT, _SESSION = "subject", "session"


class Subjects:
    """Translates at the edge: everything within knows users by one subject.

    What leaves for a client with pairwise subjects is of its sector alone, the ids of sessions too: they
    would tell as well that two clients speak of the same person.
    """

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    async def known_in(self, sector: str | None, subject: str, session_id: str | None = None) -> KnownAs:
        """What clients of `sector` call the user and the session that are called so here.

        Args:
            sector: as `Client.sector`; None where subjects are public.
        """
        if sector is None:
            return KnownAs(subject, session_id)
        return KnownAs(
            await self._pseudonyms.of(subject, sector, _SUBJECT),
            session_id and await self._pseudonyms.of(session_id, sector, _SESSION),
        )

    async def meant_in(self, sector: str | None, text: str) -> str | None:
        """Who is called `text` by clients of `sector`; None for nobody."""
        return text if sector is None else await self._pseudonyms.meaning(text, sector, _SUBJECT)
