"""Between the subject by which this server knows a user, and the one by which a client does (AS-17)."""

from __future__ import annotations

from auth_service.crypto.pairwise import PairwiseSubjects
from auth_service.protocol.subjects import ClientSubject

_SUBJECT, _SESSION = "subject", "session"


class ClientSubjects:
    """Translates at the edge: everything within knows users by one subject.

    What leaves for a client with pairwise subjects is of its sector alone, the ids of sessions too: they
    would tell as well that two clients speak of the same person.
    """

    def __init__(self, pairwise_subjects: PairwiseSubjects) -> None:
        self._pairwise_subjects = pairwise_subjects

    async def client_subject(
        self, sector: str | None, subject: str, session_id: str | None = None
    ) -> ClientSubject:
        """What clients of `sector` call the user and the session that are called so here.

        Args:
            sector: as `Client.sector`; None where subjects are public.
        """
        if sector is None:
            return ClientSubject(subject, session_id)
        return ClientSubject(
            await self._pairwise_subjects.pairwise_subject(subject, sector, _SUBJECT),
            session_id and await self._pairwise_subjects.pairwise_subject(session_id, sector, _SESSION),
        )

    async def local_subject(self, sector: str | None, text: str) -> str | None:
        """Who is called `text` by clients of `sector`; None for nobody."""
        return text if sector is None else await self._pairwise_subjects.local_subject(text, sector, _SUBJECT)
