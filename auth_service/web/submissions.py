"""Repeated form submissions: the second one gets the response of the first (ID-10).

A person may click twice, go back and submit again, or reload the result. The CSRF token differs in each
rendering of a page, so the same fields with the same token from the same browser are the same submission.
`PendingRequests` does the same for the response to a client.
"""

from __future__ import annotations

import asyncio
import functools
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from auth_service.crypto.keyring import KeyRing, Tagger
from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol.errors import OAuthError
from auth_service.protocol.interaction import REPEATED_FOR_S
from auth_service.protocol.parameters import Parameters
from auth_service.storage import keys
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.http import form_of
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.logs import get_logger
from shared.storage.documents import Collection
from shared.storage.interface import Store, StoreUnavailableError
from shared.storage.json_codec import JsonCodec

_log = get_logger(__name__)
_KEPT_BY_CONSOLE_S = 3_600
"""How long a reloaded page shows a new secret again: as long as a login to the console lasts."""

_FIRST_TAKES_S = 3.0
_LOOK_AGAIN_S = 0.05
"""How long a repeated submission waits for the response to the first."""

_IN_SCOPE = "doorward.submission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a submission. It contains nothing that authenticates anybody.

    Attributes:
        seed: the input from which secrets are derived, with a master key.
        kept_s: for how many seconds after its last change the outcome is stored.
        finished: whether the submission was answered.
        repeated: whether another attempt began before that.
        location: the redirect; None if the page itself responds again, as with a cookie or a secret.
        cleared: Set-Cookie headers that delete cookies.
    """

    seed: str
    kept_s: int
    finished: bool = False
    repeated: bool = False
    location: str | None = None
    cleared: tuple[str, ...] = ()


class Submissions:
    """The submissions of the last minute, or for as long as a page requires."""

    def __init__(self, store: Store, keyring: KeyRing, browsers: BrowserCookies) -> None:
        self.outcomes = Collection(store, keys.submission, JsonCodec(Outcome), lambda outcome: outcome.kept_s)
        self.tagger = Tagger(keyring, "submissions")
        self._browsers = browsers

    def answering_again(self, endpoint: Endpoint) -> Endpoint:
        """Make a page respond to a repeated form as it did the first time; other endpoints are unchanged."""
        if "Pages" not in endpoint.operations.get("GET", {}).get("tags", ()):
            return endpoint
        kept_s = _KEPT_BY_CONSOLE_S if endpoint.path.startswith("/admin") else REPEATED_FOR_S

        @functools.wraps(endpoint.handler)
        async def handle(request: Request) -> Response:
            if request.method != "POST":
                return await endpoint.handler(request)
            submission = await self._of(request, kept_s)
            request.scope[_IN_SCOPE] = submission
            return submission.again() or await submission.finish(await endpoint.handler(request))

        return replace(endpoint, handler=handle)

    async def _of(self, request: Request, kept_s: int) -> Submission:
        browser_id = self._browsers.browser_of(request).browser_id
        try:
            form = await form_of(request)
            name = self._name(request.scope["path"], browser_id, form)
            outcome = await self.outcomes.get(name) if name else None
        except (OAuthError, StoreUnavailableError):
            name, outcome = None, None  # the page will fail in the same way and report it
        outcome = outcome or Outcome(seed=new_secret(), kept_s=kept_s)
        return Submission(submissions=self, path=request.scope["path"], name=name, outcome=outcome)

    def _name(self, path: str, browser_id: str | None, form: Parameters) -> str | None:
        name = submission_name(path, browser_id, form)
        passwords = sorted((field, value) for field, value in form.values.items() if _is_password(field))
        # Two passwords make two submissions. Keyed, because a password could be guessed from a bare digest.
        return self.tagger.tag(json.dumps([name, passwords])) if name and passwords else name


@dataclass(kw_only=True)
class Submission:
    """A form that is being posted.

    Attributes:
        name: None for a form that is not one of our pages' forms: each is a new submission.
    """

    submissions: Submissions
    path: str
    name: str | None
    outcome: Outcome
    _gave_secret: bool = False
    _is_own: bool = False
    _gave_way: bool = False

    def again(self) -> Response | None:
        """Return the first response, if it was only a redirect."""
        location = self.outcome.location
        return None if location is None else see_other(location, self.outcome.cleared)

    async def secret(self) -> str:
        """Return 256 bits, the same for each repetition of the form; only for a trusted form."""
        self._gave_secret = True
        if self.name is None:
            return new_secret()
        outcomes = self.submissions.outcomes
        if not self.outcome.finished and await outcomes.create(self.name, self.outcome):
            self._is_own = True
        elif not self.outcome.finished:
            await self._note_repetition(self.name)
        return self.submissions.tagger.tag(f"{self.name} {self.outcome.seed}")

    async def _note_repetition(self, name: str) -> None:
        """Record that this attempt may be faster than the first one, and learn what that one has stored."""
        self.outcome = await self.submissions.outcomes.update(name, _repeated) or self.outcome

    async def mark(self) -> str:
        """Return a text that is the same for each repetition of the form, for the documents it changes."""
        return digest(f"accepted {await self.secret()}")

    async def begin(self) -> None:
        """Record that a trusted form is being processed, so that a repetition waits for its response."""
        if self.name is None or self.outcome.finished or self._is_own:
            return
        with suppress(StoreUnavailableError):  # revoking a grant must not fail because the store is full
            self._is_own = await self.submissions.outcomes.create(self.name, self.outcome)
            if not self._is_own:
                await self._note_repetition(self.name)

    async def first_response(self) -> Response | None:
        """Wait for the response to the same form, if it is being processed already; None if it gets none."""
        return None if self.name is None or self._is_own else await self._overtaken(self.name)

    def give_way(self) -> None:
        """Record that another change was faster: perhaps a repetition, whose response is then awaited."""
        self._gave_way = True

    async def finish(self, response: Response) -> Response:
        """Store `response` as the response to this form and return it, or the one that was faster."""
        if self.name is None:
            return response
        if not (self._gave_secret and response.status_code == 200) and not _is_outcome(self.path, response):
            return await self._overtaken(self.name) or response
        finished = _finished(self.outcome, response)
        try:
            first = await self._first(self.name, finished)
        except StoreUnavailableError as error:
            # The change was made nevertheless: revoking a grant must not fail on a full store (BOUND-2).
            _log.info("the response to a form was not stored", reason=str(error))
            return response
        # The own response as it is: it may have work to do after it was sent.
        if first is finished or first.location is None:
            return response
        return see_other(first.location, first.cleared)

    async def _overtaken(self, name: str) -> Response | None:
        """Return the first response, if this attempt failed because the first one was processed meanwhile."""
        deadline = monotonic() + _FIRST_TAKES_S
        with suppress(StoreUnavailableError):
            while stored := await self.submissions.outcomes.get(name):
                self.outcome = stored
                if stored.finished or monotonic() > deadline:
                    break
                if self._is_own and not (self._gave_way and stored.repeated):  # nobody was faster
                    await self.submissions.outcomes.delete(name)
                    break
                await asyncio.sleep(_LOOK_AGAIN_S)
        return self.again()

    async def _first(self, name: str, finished: Outcome) -> Outcome:
        outcomes = self.submissions.outcomes
        if await outcomes.create(name, finished):
            return finished

        def rule(stored: Outcome) -> tuple[Outcome | None, Outcome]:
            return (None, stored) if stored.finished else (replace(finished, seed=stored.seed), finished)

        return await outcomes.update(name, rule) or finished


def _repeated(stored: Outcome) -> tuple[Outcome | None, Outcome]:
    if stored.finished or stored.repeated:
        return None, stored
    repeated = replace(stored, repeated=True)
    return repeated, repeated


def submission_of(request: Request) -> Submission:
    """Return the submission to which a posted form belongs."""
    submission: Submission = request.scope[_IN_SCOPE]
    return submission


def submission_name(path: str, browser_id: str | None, form: Parameters) -> str | None:
    """Return a name for a submission, without its passwords; None for a form that is not ours."""
    if not browser_id or "~" not in (form.get("csrf") or ""):
        return None
    fields = sorted((name, value) for name, value in form.values.items() if not _is_password(name))
    return digest(json.dumps([path, browser_id, fields]))


def _is_password(field: str) -> bool:
    return "password" in field


def _is_outcome(request_path: str, response: Response) -> bool:
    """Whether the response shows a change. Nothing is stored for strangers who only post forms (BOUND-2).

    A redirect to the login means that nothing was changed, as does a logout that ends no session.
    """
    if response.status_code != 303:
        return False
    if request_path == "/logout":
        return "set-cookie" in response.headers
    parts = urlsplit(response.headers.get("location", ""))
    return bool(parts.netloc) or parts.path.rpartition("/")[2] != "login"


def _finished(outcome: Outcome, response: Response) -> Outcome:
    cookies = tuple(response.headers.getlist("set-cookie"))
    only_cleared = all(cookie.partition(";")[0].endswith("=") for cookie in cookies)
    location = response.headers.get("location") if only_cleared else None
    return replace(outcome, finished=True, location=location, cleared=cookies if location is not None else ())
