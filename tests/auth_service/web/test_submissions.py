"""Forms that are posted twice at once, in the order that a test wants."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import Response

from auth_service.crypto.keyring import KeyRing
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.render import see_other
from auth_service.web.submissions import Outcome, Submission, Submissions
from shared.storage import Store
from tests.auth_service.crypto.master_keys import ONE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-10")]


def submission(store: Store, seed: str) -> Submission:
    ring = KeyRing([ONE])
    submissions = Submissions(store, ring, BrowserCookies(ring, "https://auth.example"))
    return Submission(
        submissions=submissions, path="/password", name="name", outcome=Outcome(seed=seed, kept_s=60)
    )


async def test_the_first_that_is_overtaken_by_the_second_answers_as_that_does(store: Store) -> None:
    first, second = submission(store, "1"), submission(store, "2")
    await first.begin()
    await second.begin()
    first.give_way()
    overtaken = asyncio.create_task(first.finish(Response(status_code=409)))
    await asyncio.sleep(0)
    await second.finish(see_other("password?changed=1"))
    response = await overtaken
    assert (response.status_code, response.headers["location"]) == (303, "password?changed=1")


@pytest.mark.parametrize("gives_way", [False, True])
async def test_a_refusal_of_a_form_that_nobody_repeats_is_answered_at_once(
    store: Store, *, gives_way: bool
) -> None:
    alone = submission(store, "1")
    await alone.mark()
    await alone.begin()  # it is still the first attempt
    if gives_way:
        alone.give_way()
    refusal = Response(status_code=409)
    async with asyncio.timeout(1):
        assert await alone.finish(refusal) is refusal
    assert await submission(store, "2").first_response() is None
