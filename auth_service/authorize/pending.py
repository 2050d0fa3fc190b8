"""Authorization requests in progress, bound to the browser that began them (AS-24).

Only the id of a request travels through the browser. Client and scopes are read from the store, never from a
form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.interaction import REPEATED_FOR_S, Decision, Outcome, Progress
from auth_service.storage import keys
from shared.languages import prefer_locales
from shared.replacing import replace
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec
from shared.traces.current import current_span, join_stored, to_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A request in progress and its state.

    Attributes:
        browser: digest of the secret in the browser that began the request.
        outcome: how the request was answered; None before that.
        trace: the `traceparent` of the first request, if it is recorded: the following ones are parts of it.
    """

    request: AuthorizationRequest
    browser: str
    progress: Progress = field(default_factory=Progress)
    outcome: Outcome | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a request in the store.

    Attributes:
        unwritten: the request, while it is not stored: most often it is answered without any page.
    """

    request_id: str
    unwritten: Pending | None = None


class PendingRequests:
    """The pending requests in the store."""

    def __init__(self, store: Store, ttl_s: int) -> None:
        self._pending = Collection(store, keys.pending, JsonCodec(Pending), _lifetime(ttl_s))

    async def begin(self, request: AuthorizationRequest, browser_secret: str) -> str:
        """Store `request`; return the id under which its browser continues it."""
        slot = self.slot(request, browser_secret)
        await self.write(slot)
        return slot.request_id

    @staticmethod
    def slot(request: AuthorizationRequest, browser_secret: str) -> Slot:
        """Return the place of a new request, which is not stored yet."""
        return Slot(new_secret(), Pending(request=request, browser=digest(browser_secret), trace=to_store()))

    async def write(self, slot: Slot) -> None:
        """Store a new request, so that its browser can continue it."""
        if slot.unwritten is not None:
            await self._pending.create(digest(slot.request_id), slot.unwritten)

    async def get(self, request_id: str | None, browser_secret: str | None) -> Pending | None:
        """Return the request with that id, if it belongs to this browser.

        The page that is shown for it is rendered in the language that the request asks for.
        """
        if not request_id or not browser_secret:
            return None
        pending = await self._pending.get(digest(request_id))
        if pending is None or pending.browser != digest(browser_secret):
            return None
        join_stored(pending.trace)
        prefer_locales(pending.request.ui_locales)
        return pending

    async def join_trace(self, request_id: str | None, browser_secret: str | None) -> None:
        """Make the current HTTP request a part of the trace of a pending one, before anything is recorded."""
        if current_span.get() is not None:
            await self.get(request_id, browser_secret)

    async def note_login(self, request_id: str, session_id: str) -> None:
        """Record that the person logged in for this very request."""
        await self._note(request_id, lambda progress: replace(progress, login_session=session_id))

    async def note_cancelled(self, request_id: str) -> None:
        """Record that the person cancelled instead of logging in."""
        await self._note(request_id, lambda progress: replace(progress, cancelled=True))

    async def note_decision(self, request_id: str, decision: Decision) -> None:
        """Record the decision made on the consent page."""
        await self._note(request_id, lambda progress: replace(progress, decision=decision))

    async def settle(self, slot: Slot, outcome: Outcome) -> bool:
        """Record how the request is answered; return True to exactly one caller, which then answers it.

        The outcome is stored for `REPEATED_FOR_S` from now, to repeat the response to the same browser.
        """

        def rule(pending: Pending) -> tuple[Pending | None, bool]:
            if pending.outcome is not None:
                return None, False
            return replace(pending, outcome=outcome), True

        if slot.unwritten is not None:
            return True  # nobody was given the id, so no other caller can answer or repeat the request
        return bool(await self._pending.update(digest(slot.request_id), rule))

    async def amend(self, request_id: str, outcome: Outcome) -> None:
        """Replace the outcome that this caller has settled, if it could not be carried out."""
        await self._pending.update(
            digest(request_id), lambda pending: (replace(pending, outcome=outcome), None)
        )

    async def _note(self, request_id: str, change: Callable[[Progress], Progress]) -> None:
        def rule(pending: Pending) -> tuple[Pending | None, None]:
            if pending.outcome is not None:
                return None, None
            return replace(pending, progress=change(pending.progress)), None

        await self._pending.update(digest(request_id), rule)


def _lifetime(ttl_s: int) -> Callable[[Pending], int]:
    return lambda pending: ttl_s if pending.outcome is None else REPEATED_FOR_S
