"""Translates between the subjects of this server and those that clients know (AS-17)."""

from __future__ import annotations

from auth_service.crypto.pairwise import PairwiseSubjects
from auth_service.protocol.subjects import ClientSubject

_SUBJECT, _SESSION = "subject", "session"


class ClientSubjects:
    """Translates subjects at the edge: inside, a user has one subject.

    A client with pairwise subjects only sees values specific to its sector. That includes session ids, which
    would otherwise show that two clients speak of the same person.
    """

    def __init__(self, pairwise_subjects: PairwiseSubjects) -> None:
        self._pairwise_subjects = pairwise_subjects

    async def client_subject(
        self, sector: str | None, subject: str, session_id: str | None = None
    ) -> ClientSubject:
        """Return the subject and session id by which clients of `sector` know a user and session.

        Args:
            sector: as `Client.sector`; None if subjects are public.
        """
        if sector is None:
            return ClientSubject(subject, session_id)
        return ClientSubject(
            await self._pairwise_subjects.pairwise_subject(subject, sector, _SUBJECT),
            session_id and await self._pairwise_subjects.pairwise_subject(session_id, sector, _SESSION),
        )

    async def local_subject(self, sector: str | None, text: str) -> str | None:
        """Return the local subject that clients of `sector` know as `text`; None if unknown."""
        return text if sector is None else await self._pairwise_subjects.local_subject(text, sector, _SUBJECT)
