"""Turns what happens into alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from auth_service.alerts.alert import Alert, AlertKind
from auth_service.protocol.grant import REUSE
from shared.journal.event import EventKind
from shared.journal.verification import Problem

Send = Callable[[Alert], None]


class AlertSources:
    """Receives what happens, and sends what the operator must know."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._complaints: frozenset[str] = frozenset()
        self._missing = 0

    def recorded(self, kind: EventKind, members: Mapping[str, object], _seconds: float) -> None:
        """Receive an event of the journal."""
        reason = members.get("reason")
        if kind != EventKind.GRANT_REVOKED or reason not in REUSE:
            return
        grant, client = str(members.get("grant")), str(members.get("client"))
        self._send(
            Alert(
                kind=AlertKind.TOKEN_REUSE,
                summary=f"A grant was revoked, because {reason}.",
                about=grant,
                details={"grant": grant, "client": client},
            )
        )

    def feed_lost(self, receiver: str) -> None:
        """Receive that a resource server asks for events that are no longer known."""
        self._send(
            Alert(
                kind=AlertKind.REVOCATION_FEED_GAP,
                summary="A resource server has missed revocations; it asks about every token for now.",
                about=receiver,
                details={"receiver": receiver},
            )
        )

    def store_checked(self, complaints: tuple[str, ...]) -> None:
        """Receive what is wrong with the store at the moment."""
        for complaint in sorted(frozenset(complaints) - self._complaints):
            self._send(
                Alert(
                    kind=AlertKind.STORE_PROBLEM,
                    summary=complaint,
                    about=complaint,
                )
            )
        self._complaints = frozenset(complaints)

    def journal_changed(self, problem: Problem) -> None:
        """Receive a problem of the journal."""
        self._send(
            Alert(
                kind=AlertKind.JOURNAL_CHANGED,
                summary=f"The journal was changed: {problem}.",
                about=f"{problem.writer}:{problem.sequence}",
                details={
                    "chain": problem.writer,
                    "sequence": str(problem.sequence),
                    **({"witness": problem.witness} if problem.witness else {}),
                },
            )
        )

    def quota_exceeded(self, server: str) -> None:
        """Receive that a resource server delivers more events than it may."""
        self._send(
            Alert(
                kind=AlertKind.JOURNAL_QUOTA,
                summary="A resource server delivers more events than its quota; its calls may be refused.",
                about=server,
                details={"server": server},
            )
        )

    def journal_checked(self, chain: str, missing: int) -> None:
        """Receive how many events a chain lacks."""
        if missing > self._missing:
            self._send(
                Alert(
                    kind=AlertKind.JOURNAL_GAP,
                    summary=f"The journal lacks {missing} events, because the store was away for too long.",
                    about=chain,
                    details={"chain": chain},
                )
            )
        self._missing = missing
