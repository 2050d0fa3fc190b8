"""Forms that are posted twice: the second time gives the answer of the first (ID-10).

A person clicks twice, goes back and submits again, reloads what a form led to. The CSRF token differs in each
rendering of a page, so the same fields with the same token from the same browser are the same submission.
`PendingRequests` does the same for the answer to a client.
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
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store, StoreUnavailableError
from auth_service.storage.json_codec import JsonCodec
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.http import form_of
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.logs import get_logger

_log = get_logger(__name__)
_KEPT_BY_CONSOLE_S = 3_600
"""A new secret is shown again when its page is reloaded, for as long as a login is good for there."""

_FIRST_TAKES_S = 3.0
_LOOK_AGAIN_S = 0.05
"""How long the same form waits for the answer of the first."""

_IN_SCOPE = "doorward.submission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a submission. Nothing in it authenticates anybody.

    Attributes:
        seed: what secrets are derived from, with a master key.
        kept_s: for how many seconds from its last change it is kept.
        finished: whether it was answered.
        location: where that led; None where the page answers again itself, as with a cookie or a secret.
        cleared: Set-Cookie headers that take cookies away.
    """

    seed: str
    kept_s: int
    finished: bool = False
    location: str | None = None
    cleared: tuple[str, ...] = ()


class Submissions:
    """The submissions of the last minute, or as long as a page asks for."""

    def __init__(self, store: Store, keyring: KeyRing, browsers: BrowserCookies) -> None:
        self.outcomes = Collection(store, keys.submission, JsonCodec(Outcome), lambda outcome: outcome.kept_s)
        self.tagger = Tagger(keyring, "submissions")
        self._browsers = browsers

    def answering_again(self, endpoint: Endpoint) -> Endpoint:
        """A page that answers a form that is posted again as it did the first time; others as they are."""
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
            name, outcome = None, None  # the page will meet the same and say it
        outcome = outcome or Outcome(seed=new_secret(), kept_s=kept_s)
        return Submission(submissions=self, path=request.scope["path"], name=name, outcome=outcome)

    def _name(self, path: str, browser_id: str | None, form: Parameters) -> str | None:
        name = submission_name(path, browser_id, form)
        passwords = sorted((field, value) for field, value in form.values.items() if _is_password(field))
        # Two passwords make two submissions. Under a key, because a bare digest could be guessed from.
        return self.tagger.tag(json.dumps([name, passwords])) if name and passwords else name


@dataclass(kw_only=True)
class Submission:
    """A form that is being posted.

    Attributes:
        name: None for a form that no page of ours shows: each is a submission of its own.
    """

    submissions: Submissions
    path: str
    name: str | None
    outcome: Outcome
    _gave_secret: bool = False
    _is_own: bool = False
    _gave_way: bool = False

    def again(self) -> Response | None:
        """The answer of the first time, if that was nothing but a redirect."""
        location = self.outcome.location
        return None if location is None else see_other(location, self.outcome.cleared)

    async def secret(self) -> str:
        """256 bits, the same each time that the form is posted; for a form that is trusted."""
        self._gave_secret = True
        if self.name is None:
            return new_secret()
        outcomes = self.submissions.outcomes
        if not self.outcome.finished and await outcomes.create(self.name, self.outcome):
            self._is_own = True
        elif not self.outcome.finished:
            self.outcome = await outcomes.get(self.name) or self.outcome
        return self.submissions.tagger.tag(f"{self.name} {self.outcome.seed}")

    async def begin(self) -> None:
        """Note that a trusted form is about to be done, so that the same form waits for its answer."""
        if self.name is None or self.outcome.finished:
            return
        with suppress(StoreUnavailableError):  # what ends a grant must not fail because the store is full
            self._is_own = await self.submissions.outcomes.create(self.name, self.outcome)

    def give_way(self) -> None:
        """Note that another change was faster: perhaps the same form, whose answer is then waited for."""
        self._gave_way = True

    async def finish(self, response: Response) -> Response:
        """`response`, from now on the answer to this form; or the one that was faster."""
        if self.name is None:
            return response
        if not (self._gave_secret and response.status_code == 200) and not _is_outcome(self.path, response):
            return await self._overtaken(self.name) or response
        finished = _finished(self.outcome, response)
        try:
            first = await self._first(self.name, finished)
        except StoreUnavailableError as error:
            # It is done all the same: what ends a grant must not fail because the store is full (BOUND-2).
            _log.info("the answer to a form was not kept", reason=str(error))
            return response
        return response if first.location is None else see_other(first.location, first.cleared)

    async def _overtaken(self, name: str) -> Response | None:
        """The answer of the first time, where what this time failed for is that it was done meanwhile."""
        deadline = monotonic() + _FIRST_TAKES_S
        with suppress(StoreUnavailableError):
            while stored := await self.submissions.outcomes.get(name):
                self.outcome = stored
                if stored.finished or monotonic() > deadline:
                    break
                if self._is_own and not self._gave_way:  # nothing was done: nobody is to wait for it
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


def submission_of(request: Request) -> Submission:
    """The submission that a posted form is."""
    submission: Submission = request.scope[_IN_SCOPE]
    return submission


def submission_name(path: str, browser_id: str | None, form: Parameters) -> str | None:
    """What tells submissions apart but for their passwords; None for a form that no page of ours shows."""
    if not browser_id or "~" not in (form.get("csrf") or ""):
        return None
    fields = sorted((name, value) for name, value in form.values.items() if not _is_password(name))
    return digest(json.dumps([path, browser_id, fields]))


def _is_password(field: str) -> bool:
    return "password" in field


def _is_outcome(request_path: str, response: Response) -> bool:
    """Whether something was done. Nothing is kept for a stranger who only posts (BOUND-2).

    A redirect to the login says that nothing was done, and so does a logout that ends no session.
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
